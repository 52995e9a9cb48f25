package peer

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestAddress(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		trust   string
		remote  string
		forward []string
		want    string
	}{
		"nobody is trusted":                  {"", "198.51.100.7:1234", []string{"203.0.113.9"}, "198.51.100.7"},
		"a forged header from outside":       {"10.0.0.0/8", "198.51.100.7:1234", []string{"203.0.113.9"}, "198.51.100.7"},
		"one proxy":                          {"10.0.0.0/8", "10.0.0.2:1234", []string{"203.0.113.9"}, "203.0.113.9"},
		"forged before a proxy":              {"10.0.0.0/8", "10.0.0.2:1234", []string{"127.0.0.1, 203.0.113.9"}, "203.0.113.9"},
		"forged as a trusted one":            {"10.0.0.0/8", "10.0.0.2:1234", []string{"1.1.1.1, 10.0.0.3, 203.0.113.9"}, "203.0.113.9"},
		"two proxies":                        {"10.0.0.0/8, 192.0.2.1", "192.0.2.1:99", []string{"203.0.113.9, 10.0.0.3"}, "203.0.113.9"},
		"two lines are one list":             {"10.0.0.0/8", "10.0.0.2:1", []string{"1.1.1.1", "203.0.113.9", "10.0.0.4"}, "203.0.113.9"},
		"all are proxies":                    {"10.0.0.0/8", "10.0.0.2:1", []string{"10.0.0.5, 10.0.0.3"}, "10.0.0.5"},
		"a proxy without the header":         {"10.0.0.0/8", "10.0.0.2:1", nil, "10.0.0.2"},
		"no address":                         {"10.0.0.0/8", "10.0.0.2:1", []string{"203.0.113.9, unknown"}, "10.0.0.2"},
		"no address behind a hop":            {"10.0.0.0/8", "10.0.0.2:1", []string{"203.0.113.9, <script>, 10.0.0.7"}, "10.0.0.7"},
		"an empty entry":                     {"10.0.0.0/8", "10.0.0.2:1", []string{"203.0.113.9,"}, "10.0.0.2"},
		"with a port":                        {"10.0.0.0/8", "10.0.0.2:1", []string{"203.0.113.9:555"}, "203.0.113.9"},
		"IPv6":                               {"::1", "[::1]:1", []string{"2001:db8::7"}, "2001:db8::7"},
		"IPv6 with a port":                   {"::1", "[::1]:1", []string{"[2001:db8::7]:80"}, "2001:db8::7"},
		"IPv6 in brackets":                   {"::1", "[::1]:1", []string{"[2001:db8::7]"}, "2001:db8::7"},
		"IPv4 inside IPv6":                   {"10.0.0.0/8", "[::ffff:10.0.0.2]:1", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		"a zone":                             {"", "[fe80::1%eth0]:1", nil, "fe80::1"},
		"a unix socket":                      {"10.0.0.0/8", "@", []string{"203.0.113.9"}, "invalid IP"},
		"more hops than are walked through":  {"10.0.0.0/8", "10.0.0.2:1", []string{"203.0.113.9" + strings.Repeat(", 10.0.0.3", 40)}, "10.0.0.3"},
		"more lines than are walked through": {"10.0.0.0/8", "10.0.0.2:1", append([]string{"203.0.113.9"}, strings.Split(strings.Repeat("10.0.0.3 ", 40), " ")[:40]...), "10.0.0.3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var list []string
			if c.trust != "" {
				list = strings.Split(c.trust, ", ")
			}
			p, err := Parse(list)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Address(&http.Request{RemoteAddr: c.remote, Header: http.Header{header: c.forward}}); got.String() != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"x", "10.0.0.0/33", "10.0.0", "2001:db8::/129"} {
		if _, err := Parse([]string{bad}); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if p, err := Parse([]string{"10.1.2.3/8"}); err != nil || !p.trust(netip.MustParseAddr("10.9.9.9")) {
		t.Errorf("%v, %v", p, err)
	}
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::"} {
		if got := Network(netip.MustParseAddr(in)); got.String() != want {
			t.Errorf("%s: got %s", in, got)
		}
	}
}

// FuzzAddress: whatever a client writes, it cannot become a trusted proxy's
// word, and nothing panics.
func FuzzAddress(f *testing.F) {
	f.Add("203.0.113.9, 10.0.0.1", "10.0.0.2:1")
	f.Add(",,[::", "[::1]:1")
	trust, err := Parse([]string{"10.0.0.0/8"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, forward, remote string) {
		r := &http.Request{RemoteAddr: remote, Header: http.Header{header: {forward}}}
		if got, direct := trust.Address(r), parse(remote); !trust.trust(direct) && got != direct {
			t.Errorf("%s was believed about %s: %s", remote, forward, got)
		}
		// What a proxy adds behind the client's own text decides.
		r.RemoteAddr, r.Header = "10.0.0.2:1", http.Header{header: {forward + ", 198.51.100.7"}}
		if got := trust.Address(r); got.String() != "198.51.100.7" {
			t.Errorf("%q: %s", forward, got)
		}
	})
}
