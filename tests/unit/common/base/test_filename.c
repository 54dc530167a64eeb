/* Names of files that others choose (common/base/filename.h). */
#include <criterion/criterion.h>
#include <string.h>

#include "common/base/filename.h"

Test(base_filename, names_stay_in_their_directory)
{
	static const char *const good[] = {"a", "call-1.wav", "A_b.2.wav", "x..y", "-x"};
	static const char *const bad[] = {"", ".", "..", ".hidden", "a/b", "../x", "/etc/passwd", "a b", "a\nb", "\xc3\xa4", "a\\b", "a:b"};
	char longest[FILENAME_BYTES];

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		cr_assert(filename_is_good(str_of(good[i])), "%s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_assert_not(filename_is_good(str_of(bad[i])), "%s", bad[i]);
	memset(longest, 'a', sizeof longest);
	cr_assert(filename_is_good((struct str){longest, FILENAME_BYTES - 1}));
	cr_assert_not(filename_is_good((struct str){longest, FILENAME_BYTES}));
	cr_assert_not(filename_is_good((struct str){"a\0b", 3}));
}
