/* fuzz_base_scan.c - any sequence of calls on any text: the cursor only moves forward,
 * stays inside, what is taken lies behind it, and nothing moves after an error.
 *
 * Input: the calls, one octet each, up to the first newline; then the text. */
#include <stdint.h>
#include <stdlib.h>

#include "common/base/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static scan_set ends = {[';'] = 1, [','] = 1, ['='] = 1, ['<'] = 1, ['"'] = 1};

static struct str call(struct scan *s, char op)
{
	switch (op) {
	case 'w':
		scan_ws(s);
		break;
	case 'W':
		scan_ws1(s);
		break;
	case 'n':
		scan_u32(s);
		break;
	case 'N':
		scan_u64(s);
		break;
	case 'c':
		scan_char(s, ';');
		break;
	case 'y':
		scan_try_char(s, ';');
		break;
	case 'e':
		scan_end(s);
		break;
	case 't':
		return scan_token(s);
	case 'u':
		return scan_until(s, ends);
	case 'U':
		return scan_until_char(s, ';');
	case 'q':
		return scan_quoted(s);
	case 'r':
		return scan_rest(s);
	}
	return (struct str){s->p, 0};
}

static void check(const struct scan *before, const struct scan *after, struct str taken)
{
	if (after->p < before->p || after->p > after->end || after->end != before->end)
		abort();
	if (taken.n > 0 && (taken.p < before->p || taken.p + taken.n > after->p))
		abort();
	if (before->err != 0 &&
	    (after->p != before->p || after->err != before->err || taken.n > 0))
		abort();
	if ((scan_peek(after) >= 0) != (after->err == 0 && after->p < after->end))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text,
		ops = str_cut((struct str){(const char *)data, size}, '\n', &text);
	struct scan s = scan_of(text);

	for (size_t i = 0; i < ops.n; i++) {
		struct scan before = s;
		struct str taken = call(&s, ops.p[i]);

		check(&before, &s, taken);
	}
	return 0;
}
