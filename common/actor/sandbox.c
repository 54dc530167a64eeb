/* sandbox.c - see sandbox.h. seccomp(2) and landlock(7) by hand: one table, one jump each. */
#include "common/actor/sandbox.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#define FOREIGN_BIT 0x40000000u /* the x32 numbers of the same calls */
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#define FOREIGN_BIT 0x80000000u /* none */
#else
#error "name the audit architecture of this machine"
#endif

/* Refused. A list of what is forbidden, not of what is allowed: an unknown harmless call must not end a call in progress, and nothing
 * here is ever needed by us, by glibc, libzmq or liburing. */
static const uint16_t refused[] = {
	/* other programs */
	SYS_execve, SYS_execveat,
	/* other processes */
	SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_getfd, SYS_kcmp,
	/* other views of the system */
	SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_setns, SYS_unshare, SYS_open_by_handle_at, SYS_move_mount,
	SYS_open_tree, SYS_fsopen, SYS_fsmount, SYS_fspick,
	/* other identities */
	SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid, SYS_setgroups, SYS_capset,
	/* the kernel itself */
	SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd,
	SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct, SYS_syslog, SYS_quotactl, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex,
	SYS_clock_adjtime, SYS_sethostname, SYS_setdomainname, SYS_add_key, SYS_request_key, SYS_keyctl,
};

#define REFUSED (sizeof refused / sizeof refused[0])
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define NO (SECCOMP_RET_ERRNO | 1u) /* EPERM */

static int refuse_calls(void)
{
	struct sock_filter code[16 + 2 * REFUSED];
	struct sock_fprog program = {.filter = code};
	const struct sock_filter head[] = {
		LOAD(arch), IS(ARCH, 1, 0), ANSWER(SECCOMP_RET_KILL_PROCESS), /* another ABI has other numbers */
		LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, FOREIGN_BIT, 0, 1), ANSWER(NO),
	};
	const struct sock_filter tail[] = {
		IS(SYS_socket, 1, 0), ANSWER(SECCOMP_RET_ALLOW),
		LOAD(args[0]), /* little endian: the lower half, all the kernel looks at */
		IS(AF_UNIX, 3, 0), IS(AF_INET, 2, 0), IS(AF_INET6, 1, 0), ANSWER(NO), ANSWER(SECCOMP_RET_ALLOW),
	};
	unsigned short n = 0;

	for (size_t i = 0; i < sizeof head / sizeof head[0]; i++)
		code[n++] = head[i];
	for (size_t i = 0; i < REFUSED; i++) {
		code[n++] = (struct sock_filter)IS(refused[i], 0, 1);
		code[n++] = (struct sock_filter)ANSWER(NO);
	}
	for (size_t i = 0; i < sizeof tail / sizeof tail[0]; i++)
		code[n++] = tail[i];
	program.len = n;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 ? 0 : -errno;
}

/* What is not there has nothing to open. */
static int add_door(int rules, const struct sandbox_door *door)
{
	struct landlock_path_beneath_attr beneath = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
				  (door->write ? LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG : 0),
		.parent_fd = open(door->path, O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	int err;

	if (beneath.parent_fd < 0)
		return 0;
	err = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0 ? 0 : -errno;
	close(beneath.parent_fd);
	return err;
}

/* A ruleset that handles every access of its version and allows none but through the doors. */
static int refuse_files(const struct sandbox_door *doors, size_t n)
{
	struct landlock_ruleset_attr rules = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
				     LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
				     LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
				     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
				     LANDLOCK_ACCESS_FS_MAKE_SYM,
	};
	int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
	int err = 0;

	if (fd < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM ? ERR_UNSUPPORTED : -errno; /* a container may refuse it */
	for (size_t i = 0; i < n && err == 0; i++)
		err = add_door(fd, &doors[i]);
	if (err == 0)
		err = syscall(SYS_landlock_restrict_self, fd, 0) == 0 ? 0 : -errno;
	close(fd);
	return err;
}

int sandbox_close(bool no_files, const struct sandbox_door *doors, size_t n)
{
	int files, err;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	files = no_files ? refuse_files(doors, n) : 0;
	err = refuse_calls();
	return err != 0 ? err : files;
}
