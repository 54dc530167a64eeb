"""Kamailio between us and a peer: it stays in the path of its calls, and tells what came along it."""

from __future__ import annotations

import re

from registrar import Kamailio

SCRIPT = """
debug=1
log_stderror=yes
fork=yes
children=2
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{port}
alias="example.com"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "pv.so"
loadmodule "rr.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "xlog.so"
loadmodule "kex.so"
request_route {{
	if (is_method("OPTIONS") && !has_totag()) {{
		sl_send_reply("405", "Only calls");
		exit;
	}}
	if (has_totag()) {{
		if (!loose_route()) {{
			xlog("L_ALERT", "STRAY $rm from $sp of $ci\\n");
			if (!is_method("ACK")) sl_send_reply("404", "No Route");
			exit;
		}}
		xlog("L_ALERT", "ALONG $rm from $sp of $ci\\n");
		t_relay();
		exit;
	}}
	if (is_method("CANCEL")) {{
		if (t_check_trans()) t_relay();
		exit;
	}}
	t_check_trans();
	if (is_method("ACK")) {{
		xlog("L_ALERT", "STRAY $rm from $sp of $ci\\n");
		exit;
	}}
	record_route();
	if ($rU == "echo") {{
		$ru = "sip:echo@127.0.0.1:{ours}";
	}} else {{
		$ru = "sip:bob@127.0.0.1:{theirs}";
	}}
	t_relay();
}}
"""


class Proxy(Kamailio):
    """Calls to the user echo go to the port `ours`, all others to `theirs`."""

    ours = theirs = 0  # to be set before start()

    def script(self) -> str:
        return SCRIPT.format(port=self.port, ours=self.ours, theirs=self.theirs)

    def passed(self, source: int) -> list[str]:
        """What came from this port inside of calls: "ALONG ACK" by a route, "STRAY ACK" without one."""
        text = (self.directory / "kamailio.log").read_text(errors="replace")
        return [f"{how} {method}" for how, method, port in re.findall(r"(ALONG|STRAY) (\w+) from (\d+) of", text) if int(port) == source]
