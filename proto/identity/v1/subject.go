package identityv1

import "strings"

// Stream is the name of the JetStream stream that holds identity requests.
const Stream = "IDENTITY"

// Subject carries every identity request.
const Subject = "identity.v1"

var roleNames = map[string]Role{
	"reader": Role_ROLE_READER, "trader": Role_ROLE_TRADER, "operator": Role_ROLE_OPERATOR,
	"auditor": Role_ROLE_AUDITOR, "admin": Role_ROLE_ADMIN,
}

// ParseRole reads a role's lower-case name (reader, trader, operator, auditor, admin).
func ParseRole(name string) (Role, bool) {
	r, ok := roleNames[name]
	return r, ok
}

// Name is the role as users write it.
func (r Role) Name() string { return strings.ToLower(strings.TrimPrefix(r.String(), "ROLE_")) }
