/* fuzz_door.c - any octets as Authorization and more: nobody comes in who does not know a password, and whatever
 * is answered can stand in a response. */
#include <stdlib.h>

#include "common/base/must.h"
#include "signaling/daemon/door.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct door door;
static struct door_book book;

static void open_door(void)
{
	static const struct door_user users[] = {{"alice", "a password that no input holds"}};
	static const uint8_t key[SIP_GUARD_KEY_BYTES] = {7};
	static const struct door_settings set = {
		.realm = {"test", 4}, .users = users, .user_count = 1};
	static const struct map_key hash_key = {1, 2};

	must(door_open(&door, &book, key, &hash_key, 1000) == 0);
	must(door_set(&door, &set) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char area[70000];
	static uint64_t now_ms = 1000;
	static struct sip_msg m;
	struct buf b = buf_of(area, sizeof area);
	struct addr source = {.family = ADDR_V4};
	struct str lines, rest;
	unsigned code;

	if (!door.ready)
		open_door();
	buf_z(&b, "INVITE sip:x SIP/2.0\r\nAuthorization: ");
	buf_bytes(&b, data, size);
	buf_z(&b, "\r\n\r\n");
	if (!buf_ok(&b) || sip_parse(b.p, b.n, &m) != 0)
		return 0;
	now_ms += 500;
	code = door_knock(&door,
			  &(struct door_request){.msg = &m, .source = &source, .now_ms = now_ms, .chance = now_ms},
			  &lines);
	must((code == 401 || code == 503) && door.user[0] == '\0' && lines.n > 0);
	for (rest = lines; rest.n > 0;) {
		struct str line = str_cut(rest, '\n', &rest);

		must(line.n > 0 && line.p[line.n - 1] == '\r');
	}
	return 0;
}
