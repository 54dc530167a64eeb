/* test_leg_bytes.c - what a dialog costs in memory beside its record. */
#include <criterion/criterion.h>

#include "common/base/map.h"
#include "signaling/leg/leg.h"

#define DIALOGS   20000u
#define BYTES_MAX 2048u /* each */

Test(leg_bytes, beside_the_record)
{
	struct map by_dialog;
	size_t tables, each;

	cr_assert_eq(map_init(&by_dialog, DIALOGS), 0);
	tables = 2 * ((size_t)by_dialog.mask + 1) * sizeof *by_dialog.slots; /* by dialog, by call */
	each = sizeof(struct leg) - sizeof(struct leg_record) + tables / DIALOGS + 2 * sizeof(uint32_t); /* of its pool */
	cr_expect_leq(each, BYTES_MAX, "%zu", each);
	map_fini(&by_dialog);
}
