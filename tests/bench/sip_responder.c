/* sip_responder.c - the least that can answer a call: INVITE and BYE get a 200 made of their own headers, nothing is kept or checked.
 *
 *   bench_sip_responder PORT
 *
 * The reference for the signaling process: the same datagrams from the same kernel. Audio goes to a port that nobody reads. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define MESSAGE_MAX 8192

static int open_udp(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0) {
		perror("bench_sip_responder");
		exit(2);
	}
	return fd;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in a;
	socklen_t n = sizeof a;

	return getsockname(fd, (struct sockaddr *)&a, &n) == 0 ? ntohs(a.sin_port) : 0;
}

static bool is_copied(const char *line)
{
	static const char *const names[] = {"Via:", "From:", "To:", "Call-ID:", "CSeq:"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strncasecmp(line, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static size_t copy_headers(const char *m, char *to, size_t cap)
{
	size_t n = 0;

	for (const char *line = strchr(m, '\n'); line != NULL && line[1] != '\r' && line[1] != '\0'; line = strchr(line + 1, '\n')) {
		int length = (int)strcspn(line + 1, "\r\n");
		bool tag = strncasecmp(line + 1, "To:", 3) == 0 && memmem(line + 1, (size_t)length, ";tag=", 5) == NULL;

		if (is_copied(line + 1) && n + (size_t)length + 16 < cap)
			n += (size_t)snprintf(to + n, cap - n, "%.*s%s\r\n", length, line + 1, tag ? ";tag=bare" : "");
	}
	return n;
}

static size_t answer(const char *m, uint16_t sip, uint16_t audio, char *to, size_t cap)
{
	char sdp[256] = "";
	size_t n = (size_t)snprintf(to, cap, "SIP/2.0 200 OK\r\n");

	if (strncmp(m, "ACK ", 4) == 0 || strncmp(m, "SIP/", 4) == 0)
		return 0;
	if (strncmp(m, "INVITE ", 7) == 0)
		snprintf(sdp, sizeof sdp, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %u RTP/AVP 0\r\n", audio);
	n += copy_headers(m, to + n, cap - n);
	n += (size_t)snprintf(to + n, cap - n, "Contact: <sip:127.0.0.1:%u>\r\n%sContent-Length: %zu\r\n\r\n%s", sip,
			      sdp[0] != '\0' ? "Content-Type: application/sdp\r\n" : "", strlen(sdp), sdp);
	return n < cap ? n : 0;
}

int main(int argc, char **argv)
{
	int sip = open_udp((uint16_t)(argc > 1 ? atoi(argv[1]) : 0)), audio = open_udp(0);
	uint16_t sip_port = port_of(sip), audio_port = port_of(audio);

	for (;;) {
		char m[MESSAGE_MAX], to[MESSAGE_MAX];
		struct sockaddr_in from;
		socklen_t length = sizeof from;
		ssize_t n = recvfrom(sip, m, sizeof m - 1, 0, (struct sockaddr *)&from, &length);
		size_t out;

		if (n <= 0)
			continue;
		m[n] = '\0';
		out = answer(m, sip_port, audio_port, to, sizeof to);
		if (out > 0)
			(void)!sendto(sip, to, out, 0, (struct sockaddr *)&from, length);
	}
}
