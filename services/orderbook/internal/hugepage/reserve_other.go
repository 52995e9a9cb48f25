//go:build !linux

package hugepage

// Reserve has nothing to give: slabs are copied as they grow.
func Reserve(int) (memory []byte, need func(bytes int)) { return nil, nil }
