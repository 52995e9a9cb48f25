package shape

// Head is the newest block of a network that is indexed, and the newest that is
// final.
type Head struct {
	Number    uint64 `json:"number"`
	Hash      string `json:"hash"`      // "" when only its number is known yet
	Finalized *int64 `json:"finalized"` // height; null = unknown
}

// Same says whether two heads say the same.
func (h Head) Same(o Head) bool {
	same := h.Finalized == o.Finalized || (h.Finalized != nil && o.Finalized != nil && *h.Finalized == *o.Finalized)
	return same && h.Number == o.Number && h.Hash == o.Hash
}
