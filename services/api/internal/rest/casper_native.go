package rest

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"fondaco.dev/proto/config"
	"fondaco.dev/services/api/internal/filter"
	"fondaco.dev/services/api/internal/operation"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/shape"
	"fondaco.dev/services/api/internal/store"
)

// casperOnly is the network in the path, if it is a Casper network.
func (s *Server) casperOnly(name, what string) (*network, error) {
	n, err := s.network(name)
	if err == nil && n.Kind != config.KindCasper {
		err = problem.NotFound(what + " of a network that is not a casper network")
	}
	return n, err
}

func signed(b store.SignedBlock) shape.CasperSignedBlock {
	return shape.CasperSignedBlock{CasperBlock: shape.OfCasperBlock(b.CasperBlock), Signatures: b.Signatures}
}

// GetAccount finds an account by public key or account hash.
func (s *Server) GetAccount(c echo.Context, p operation.GetAccount) error {
	n, err := s.casperOnly(p.Network, "an account")
	if err != nil {
		return err
	}
	hash, given, ok := filter.AccountHash(strings.ToLower(p.Key))
	if !ok {
		return problem.Parameter("key", "wants a public key (01 and 64 hex digits, 02 and 66) or an account hash (64 hex digits)")
	}
	need, err := s.need(c, n.Name, &p.Fresh)
	if err != nil {
		return err
	}
	a, at, err := s.Store.CasperAccount(c.Request().Context(), n.Name, hash, need)
	if err != nil {
		return err
	}
	told(c, n.Name, &at)
	if a.PublicKey == "" {
		a.PublicKey = given // it was only named by its hash so far
	}
	return answer(c, http.StatusOK, shape.OfCasperAccount(n.Name, a.Hash, a.PublicKey, a.FirstMs, a.FirstHeight, a.Deploys, a.TransfersIn, a.TransfersOut))
}

// maxTopic bounds what is looked for; a node allows 256 bytes.
const maxTopic = 1024

func (s *Server) ListMessages(c echo.Context, p operation.ListMessages) error {
	n, err := s.casperOnly(p.Network, "the list of messages")
	if err != nil {
		return err
	}
	limit, entity, topic := int(p.Limit), strings.ToLower(p.Entity), p.Topic
	if entity == "" && topic == "" {
		return problem.Parameter("entity", "wants an entity, or a topic in the parameter topic, or both")
	}
	if entity != "" {
		// entity-contract-…, hash-…, contract-package-…: the last 64 digits.
		bare := entity[max(0, len(entity)-64):]
		if _, err := hex.DecodeString(bare); err != nil || len(bare) != 64 {
			return problem.Parameter("entity", "wants 64 hex digits, with or without a prefix")
		}
		entity = bare
	}
	if len(topic) > maxTopic || strings.ContainsRune(topic, 0) {
		return problem.Parameter("topic", fmt.Sprintf("wants a name of up to %d bytes", maxTopic))
	}
	before, err := readMessageCursor(p.Cursor)
	if err != nil {
		return err
	}
	need, err := s.need(c, n.Name, &p.Fresh)
	if err != nil {
		return err
	}
	// One more than the limit says whether there is more.
	rows, at, err := s.Store.Messages(c.Request().Context(), n.Name, entity, topic, before, limit+1, need)
	if err != nil {
		return err
	}
	told(c, n.Name, &at)
	out := list[shape.CasperMessage]{Data: []shape.CasperMessage{}}
	if out.More = len(rows) > limit; out.More {
		rows = rows[:limit]
		out.Next = messageCursor(rows[limit-1].MessageKey)
	}
	for i := range rows {
		m := &rows[i]
		out.Data = append(out.Data, shape.CasperMessage{Network: n.Name, TransactionHash: m.DeployHash, Index: m.Index, Entity: m.Entity, EntityName: m.EntityName,
			Topic: m.Topic, TopicHash: m.TopicHash, TopicIndex: m.TopicIndex, BlockIndex: m.BlockIndex, Text: m.Text, Bytes: shape.OptionalHex(m.Bytes),
			BlockHash: m.BlockHash, Timestamp: m.Timestamp})
	}
	return answer(c, http.StatusOK, out)
}

func messageCursor(k store.MessageKey) *string {
	s := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "m1 %d %s %d", k.Ms, k.DeployHash, k.Index))
	return &s
}

func readMessageCursor(text string) (*store.MessageKey, error) {
	if text == "" {
		return nil, nil
	}
	var k store.MessageKey
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		_, err = fmt.Sscanf(string(raw), "m1 %d %64s %d", &k.Ms, &k.DeployHash, &k.Index)
	}
	if _, bad := hex.DecodeString(k.DeployHash); err != nil || bad != nil || *messageCursor(k) != text {
		return nil, problem.Parameter("cursor", "is not one that an answer here carried as next")
	}
	return &k, nil
}
