package chainv1

import (
	"fmt"
	"regexp"
	"strings"
)

// Stream is the name of the JetStream stream that holds every chain subject.
const Stream = "CHAIN"

// SubjectPrefix begins every subject of the stream.
const SubjectPrefix = "chain.v1."

// MaxMessage is the largest serialized Pack, in bytes: below the server's
// max_payload of 8 MiB, with room for headers. A block above it goes in parts.
const MaxMessage = 7 << 20

var networkName = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// ValidNetwork reports whether name may be a network's name ([a-z0-9-], up to 32).
func ValidNetwork(name string) bool { return networkName.MatchString(name) }

// Subject is where the units of one network and one filter go. The filter is
// the hash of what is fetched: a new filter fills a new subject beside the old.
func Subject(network, filter string) string { return SubjectPrefix + network + "." + filter }

// ParseSubject is the reverse of Subject.
func ParseSubject(subject string) (network, filter string, err error) {
	rest, ok := strings.CutPrefix(subject, SubjectPrefix)
	network, filter, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || !ValidNetwork(network) || filter == "" || strings.Contains(filter, ".") {
		return "", "", fmt.Errorf("subject %q is not of the form %s<network>.<filter>", subject, SubjectPrefix)
	}
	return network, filter, nil
}
