package postgres

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"go.uber.org/zap"
)

// owner is the user that the server runs as: initdb and postgres refuse root.
type owner struct {
	uid, gid int
	drop     bool // this process is root and must run them as somebody else
}

func findOwner() (owner, error) {
	if os.Getuid() != 0 {
		return owner{uid: os.Getuid(), gid: os.Getgid()}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil && uid != 0 {
			return owner{uid: uid, gid: gid, drop: true}, nil
		}
	}
	return owner{}, fmt.Errorf("postgres refuses to run as root, and this machine has neither a user postgres nor nobody")
}

func (o owner) attr() *syscall.SysProcAttr {
	if !o.drop {
		return &syscall.SysProcAttr{}
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid), NoSetGroups: true}}
}

// place makes the data folder for the owner. A folder whose parents the owner
// cannot traverse goes below /var/tmp, named after the one asked for.
func (o owner) place(dir string, log *zap.Logger) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("placing the postgres data folder: %w", err)
	}
	if o.drop && !traversable(filepath.Dir(dir)) {
		moved := filepath.Join("/var/tmp", fmt.Sprintf("fondaco-postgres-%x", sha256.Sum256([]byte(dir)))[:32])
		log.Warn("postgres cannot enter the data folder's parents, so its files go elsewhere",
			zap.String("asked_for", dir), zap.String("data", moved))
		dir = moved
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making the postgres data folder: %w", err)
	}
	if !o.drop {
		return dir, nil
	}
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, o.uid, o.gid)
	})
	if err != nil {
		return "", fmt.Errorf("giving the postgres data folder to its user: %w", err)
	}
	return dir, nil
}

// traversable reports whether every folder from dir up lets others in.
func traversable(dir string) bool {
	for {
		info, err := os.Stat(dir)
		if err == nil && info.Mode()&0o001 == 0 {
			return false
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
}
