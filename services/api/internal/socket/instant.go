package socket

import "time"

// instant is a moment of the process's life in nanoseconds, by the clock that
// nobody sets; 0 = never. It is a third of a time.Time, of which every
// connection would hold several.
type instant int64

var birth = time.Now().Add(-time.Hour) // so that no moment is 0

func now() instant { return instant(time.Since(birth)) }

func (i instant) sub(earlier instant) time.Duration { return time.Duration(i - earlier) }

func (i instant) since() time.Duration { return now().sub(i) }
