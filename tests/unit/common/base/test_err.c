/* test_err.c - mirrors common/base/err.c */
#include <criterion/criterion.h>
#include <limits.h>
#include <string.h>

#include "common/base/err.h"

static const struct {
	int err;
	const char *name;
} cases[] = {
	{0, "OK"},
	{ERR_NOMEM, "ERR_NOMEM"},
	{ERR_INVAL, "ERR_INVAL"},
	{ERR_RANGE, "ERR_RANGE"},
	{ERR_NOSPC, "ERR_NOSPC"},
	{ERR_NOENT, "ERR_NOENT"},
	{ERR_EXIST, "ERR_EXIST"},
	{ERR_AGAIN, "ERR_AGAIN"},
	{ERR_IO, "ERR_IO"},
	{ERR_ACCES, "ERR_ACCES"},
	{ERR_PROTO, "ERR_PROTO"},
	{ERR_SYNTAX, "ERR_SYNTAX"},
	{ERR_UNSUPPORTED, "ERR_UNSUPPORTED"},
	{ERR_STALE, "ERR_STALE"},
	{ERR_CORRUPT, "ERR_CORRUPT"},
	{-EADDRINUSE, "EADDRINUSE"},
	{EADDRINUSE, "ERR_OTHER"},
	{-987654, "ERR_OTHER"},
	{INT_MIN, "ERR_OTHER"},
};

Test(base_err, names)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_expect_str_eq(err_name(cases[i].err), cases[i].name);
}

Test(base_err, own_codes_are_no_errno)
{
	for (int e = 1; e < 1000; e++)
		cr_expect(-e != ERR_SYNTAX && -e != ERR_UNSUPPORTED && -e != ERR_STALE &&
			  -e != ERR_CORRUPT);
}

/* H19 */
Test(base_err, what_is_used_up)
{
	static const int used_up[] = {ERR_NOMEM, ERR_NOSPC, -EMFILE, -ENFILE, -ENOBUFS};
	static const int other[] = {0, ERR_INVAL, ERR_NOENT, ERR_AGAIN, ERR_STALE, ERR_UNSUPPORTED, ERR_PROTO, -EPERM, 1};

	for (size_t i = 0; i < sizeof used_up / sizeof used_up[0]; i++)
		cr_expect(err_is_shortage(used_up[i]), "%s", err_name(used_up[i]));
	for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
		cr_expect_not(err_is_shortage(other[i]), "%s", err_name(other[i]));
}
