package house

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/proto/topology"
)

// The reserve of free disk below which nothing new is taken in: a stream that
// met a full disk stays broken until its server restarts, and Postgres needs
// room to write down what is in the streams already.
const (
	reserveShare = 20      // a twentieth of the disk, 5%
	reserveLeast = 1 << 30 // bytes
	diskEvery    = 2 * time.Second
)

// Space is the free and the whole size of the disk that a folder is on, in bytes.
type Space struct{ Free, Total uint64 }

func diskSpace(dir string) (Space, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return Space{}, fmt.Errorf("asking for the free disk of %s: %w", dir, err)
	}
	return Space{Free: st.Bavail * uint64(st.Bsize), Total: st.Blocks * uint64(st.Bsize)}, nil
}

// short says that the reserve is touched. Once it was, a tenth more than the
// reserve must be free before it is over.
func (s Space) short(was bool) bool {
	reserve := max(s.Total/reserveShare, reserveLeast)
	if was {
		reserve += reserve / 10
	}
	return s.Free < reserve
}

// watchDisk stops the house's intake while the data folder's disk is nearly full.
func (h *house) watchDisk(ctx context.Context) error {
	b, err := bus.Connect(ctx, bus.Config{URL: h.infra.NATSURL(), User: topology.UserProvisioner,
		Password: h.infra.NATSPassword(topology.UserProvisioner), Name: "fondaco disk"}, h.log.Logger)
	if err != nil {
		return err
	}
	defer b.Close()
	space := h.Disk
	if space == nil {
		space = diskSpace
	}
	tick := time.NewTicker(diskEvery)
	defer tick.Stop()
	// What an earlier process left behind is not known: the first look writes.
	for stopped, known := false, false; ; {
		s, err := space(h.dir.Path())
		if err != nil {
			return err
		}
		if short := s.short(stopped); short != stopped || !known {
			reason := ""
			if short {
				reason = fmt.Sprintf("the disk of %s has %d MiB free of %d: nothing new is taken in until there is more room", h.dir.Path(), s.Free>>20, s.Total>>20)
			}
			if err := bus.SetIntake(ctx, b.JetStream(), reason); err != nil && ctx.Err() == nil {
				h.log.Warn("the intake could not be changed", zap.Error(err))
			} else if err == nil {
				switch {
				case short:
					h.log.Error("intake stopped", zap.String("reason", reason))
				case stopped:
					h.log.Info("intake goes on: there is room again", zap.Uint64("free_mib", s.Free>>20))
				}
				stopped, known = short, true
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
