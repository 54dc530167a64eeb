/* fuzz_rtp_rtcp.c - any octets as a compound, heard by the SSRC of the first report
 * block; what was understood is reported back and understood again. */
#include <string.h>

#include "common/base/must.h"
#include "common/base/wire.h"
#include "media/rtp/rtcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t ours = size >= 12 ? wire_get_u32(data + 8) : 1;
	uint8_t out[RTCP_BYTES_MAX];
	struct rtcp_asked asked = {.next = 1};
	struct rtcp_sender s = {.cname = "fuzz"};
	struct rtcp_news news, again;
	struct seq seq = {0};
	uint64_t ext;

	if (rtcp_parse(data, size, ours, &news) != 0)
		return 0;
	must(news.cname.n == 0 ||
	     (const uint8_t *)news.cname.p + news.cname.n <= data + size);
	must(news.lost >= -0x800000 && news.lost <= 0x7fffff);
	asked.middle[0] = news.lsr;
	must(rtcp_rtt_us(&asked, news.sr_ntp, news.lsr, news.dlsr) <= RTCP_RTT_MAX_S * 1000000u);

	must(rtcp_rtt_us(&asked, news.xr.ntp, news.xr.lrr, news.xr.dlrr) <= RTCP_RTT_MAX_S * 1000000u);
	(void)seq_take(&seq, news.ssrc, (uint16_t)news.jitter, &ext);
	s.ssrc = ours;
	s.has_sent = news.has_sr;
	s.ntp = news.sr_ntp;
	s.seq = &seq;
	s.bye = news.bye;
	s.asks = news.xr.has_time;
	s.voip = news.xr.has_voip ? &news.xr.voip : NULL;
	s.asker = news.ssrc;
	s.lrr = news.xr.lrr;
	s.dlrr = news.xr.dlrr;
	must(rtcp_parse(out, rtcp_build(&s, out), news.ssrc, &again) == 0);
	must(again.ssrc == ours && again.has_report && again.lost == 0);
	must(again.has_sr == news.has_sr &&
	     again.sr_ntp == (news.has_sr ? news.sr_ntp : 0));
	must(again.bye == news.bye);
	must(again.xr.has_time == (news.xr.has_time && !news.has_sr) && again.xr.has_voip == news.xr.has_voip);
	must(again.xr.has_answer == (news.xr.lrr != 0) && again.xr.lrr == news.xr.lrr);
	must(memcmp(&again.xr.voip, &news.xr.voip, sizeof news.xr.voip) == 0);
	return 0;
}
