#!/bin/sh
# check_pure.sh LIB.a... - fail if a pure library can reach the outside world.
#
# Prints library, object and symbol of everything banned. Exit 1 when there is something,
# 2 when an archive can not be judged. Calls are judged by name: what a pure library gets
# from another of our libraries is that library's business and is checked there.
set -eu

sockets='socket|socketpair|bind|listen|accept4?|connect|shutdown|send|sendto|sendm?msg|recv|recvfrom|recvm?msg|[gs]etsockopt|getsockname|getpeername|getaddrinfo|getnameinfo|gethostby.*|if_nametoindex|if_indextoname'
files='open|openat|creat|close|p?read|p?write|p?readv|p?writev|lseek|sendfile|splice|f?truncate|f?sync|fdatasync|unlink(at)?|rename(at)?|mkdir|rmdir|[fl]?stat|fstatat|f?chmod|f?chown|fcntl|ioctl|dup[23]?|pipe2?|opendir|readdir|mmap|munmap|mprotect|memfd_create|shm_open'
loops='select|pselect|p?poll|epoll_.*|io_uring_.*|eventfd|timerfd_.*|inotify_.*|signalfd'
clocks='clock|clock_.*|time|times|timespec_get|gettimeofday|nanosleep|usleep|sleep|alarm|setitimer|timer_.*|localtime(_r)?|gmtime(_r)?|mktime|ctime(_r)?|strftime'
threads='pthread_.*|thrd_.*|mtx_.*|cnd_.*|call_once|sem_.*|sched_.*'
process='fork|vfork|clone|exec.*|posix_spawn.*|system|popen|wait|waitpid|waitid|kill|raise|signal|sigaction|sigprocmask|exit|_exit|_Exit|quick_exit|atexit|abort|__assert_fail|getenv|secure_getenv|setenv|unsetenv|putenv|environ|getpid|gettid|syscall|prctl|dlopen|dlsym|longjmp|_?setjmp|syslog|openlog'
chance='rand|rand_r|srand|random|srandom|[delmnj]rand48|srand48|getrandom|getentropy'
stdio='v?f?printf|v?sn?printf|v?dprintf|v?asprintf|v?f?scanf|v?sscanf|f?puts|f?putc|putchar|getc|getchar|fgets|fgetc|getline|fopen|fdopen|fclose|fread|fwrite|fflush|fseek|ftell|perror|stdin|stdout|stderr|tmpfile|remove'
memory='malloc|calloc|realloc|reallocarray|free|aligned_alloc|posix_memalign|memalign|valloc|strn?dup|malloc_usable_size|sbrk|brk'
parsing='strto(l|ul|ll|ull|imax|umax|d|f|ld|k|k_r)|ato(i|l|ll|f)|setlocale'
others='zmq_.*|protobuf_c_.*|tipring__.*|log_(open|least|on|write|limit|tell|last_error)|sink_.*|clock_(ns|ms|unix_ns|entropy)'
banned="$sockets|$files|$loops|$clocks|$threads|$process|$chance|$stdio|$memory|$parsing|$others"

# Tables and pools are allocated once, at start, by these two.
may_allocate='(^|/)libbase[.]a:(pool|map)([.]c)?[.]o$'

[ $# -gt 0 ] || {
	echo "usage: check_pure.sh LIB.a..." >&2
	exit 2
}

found=0
for lib in "$@"; do
	symbols=$(nm -A -g "$lib") || exit 2
	case $symbols in
	*' T '*) ;;
	*)
		echo "check_pure: $lib defines no function" >&2
		exit 2
		;;
	esac
	# "lib.a:object.o:   U name", where glibc may spell name as name64, __name_chk, __isoc99_name
	printf '%s\n' "$symbols" | awk -v banned="^($banned)\$" -v memory="^($memory)\$" \
		-v may_allocate="$may_allocate" '
		$(NF - 1) == "U" {
			where = $1
			sub(/:$/, "", where)
			name = $NF
			sub(/@.*/, "", name)
			plain = name
			sub(/^__isoc[0-9]+_/, "", plain)
			if (plain ~ /_chk$/) {
				sub(/^__/, "", plain)
				sub(/_chk$/, "", plain)
			}
			sub(/64(_2)?$/, "", plain)
			if (plain !~ banned && name !~ banned)
				next
			if (plain ~ memory && where ~ may_allocate)
				next
			print where ": " name
			bad = 1
		}
		END { exit bad }' || found=1
done
exit $found
