/* test_machine.c - mirrors control/cli/machine.c */
#include <criterion/criterion.h>
#include <string.h>

#include "control/cli/machine.h"

static char text[MACHINE_TEXT_BYTES];

#define EXPECT(grade, words, call)                                    \
	do {                                                          \
		cr_expect_eq(call, grade, "%s", text);                \
		cr_expect_not_null(strstr(text, words), "%s", text);  \
	} while (0)

Test(machine, memlock)
{
	EXPECT(OK, "enough", machine_memlock(UINT64_MAX, "5.4.0", text));
	EXPECT(OK, "enough", machine_memlock(64u << 20, "4.19.0-26-amd64", text));
	EXPECT(OK, "does not count", machine_memlock(65536, "6.1.0-18-amd64", text));
	EXPECT(OK, "does not count", machine_memlock(65536, "5.12.0", text));
	EXPECT(WARN, "64 KB may be locked", machine_memlock(65536, "5.11.22", text));
	EXPECT(WARN, "LimitMEMLOCK=64M", machine_memlock((64u << 20) - 1, "5.4.0", text));
	EXPECT(OK, "does not count", machine_memlock(0, "a kernel without a number", text));
}

Test(machine, hugepages)
{
	EXPECT(OK, "as it should", machine_hugepages("always within_size advise [never] deny force", 0, text));
	EXPECT(OK, "as it should", machine_hugepages(NULL, 0, text));
	EXPECT(WARN, "2 MB", machine_hugepages("[always] within_size advise never deny force", 0, text));
	EXPECT(WARN, "2 MB", machine_hugepages("always within_size advise never deny [force]", 2048, text));
	EXPECT(OK, "1024 MB are set apart", machine_hugepages("always within_size [advise] never deny force", 1048576, text));
}

Test(machine, owner_of_the_run_directory)
{
	EXPECT(OK, "user 10001", machine_owner(10001, 10001, text));
	EXPECT(OK, "only a supervisor of user 10001", machine_owner(10001, 0, text));
	EXPECT(WARN, "this is user 1000", machine_owner(10001, 1000, text));
}
