package engine

// Packs are read by hand, since a decoder that makes messages costs several
// times what the engine does. Unknown fields are skipped, a field that comes
// twice counts the second time, as proto3 has it. A command that cannot be read
// is OpBad; a pack whose frame cannot be read is bad as a whole.

// enum keeps an enumeration in a byte; a value that no version knows becomes
// 255, which none has, so it is never taken for another.
func enum(v uint64) uint8 {
	if v > 255 {
		return 255
	}
	return uint8(v)
}

// readHead reads a pack without its commands and counts them; false when the
// pack cannot be read.
func (e *Engine) readHead(data []byte) (p PackHead, commands int, readable bool) {
	r := reader{b: data}
	var gateway []byte
	for {
		f, w := r.next()
		switch {
		case f == 0:
			p.Gateway = e.gateways.intern(gateway)
			return p, commands, !r.bad
		case f == 1 && w == 2:
			gateway = r.bytes(w)
		case f == 2 && w == 0:
			p.PackNo = r.varint()
		case f == 3 && w == 0:
			p.SentMs = int64(r.varint())
		case f == 4 && w == 2:
			commands++
			r.bytes(w)
		default:
			r.skip(w)
		}
	}
}

// each carries out the commands of a readable pack. They are read some hundreds
// at a time, so that what they need can be asked for ahead.
func (e *Engine) each(data []byte, most int) {
	r := reader{b: data[:len(data):len(data)]} // short reads up to the end of the capacity, which is the message's
	e.commands = e.commands[:0]
	e.spare.reset()
	for k := 0; ; {
		f, w := r.next()
		switch {
		case f == 0:
			e.DoAll(e.commands)
			return
		case f == 4 && w == 2:
			b := r.bytes(w)
			if len(e.commands) == maxRead {
				e.DoAll(e.commands)
				e.commands = e.commands[:0]
				e.spare.reset()
			}
			e.commands = append(e.commands, Command{})
			if k < most {
				e.decode(&e.commands[len(e.commands)-1], b)
			}
			k++
		default:
			r.skip(w)
		}
	}
}

// maxRead is how many commands are read before they are carried out.
const maxRead = 1000

// spare are the parts of commands that few have, kept for the next pack.
type spare struct {
	terms    []*Terms
	seconds  []*Command
	admins   []*Admin
	t, s, ad int
}

func (p *spare) reset() { p.t, p.s, p.ad = 0, 0, 0 }

func (p *spare) newTerms() *Terms {
	if p.t == len(p.terms) {
		p.terms = append(p.terms, new(Terms))
	}
	p.t++
	*p.terms[p.t-1] = Terms{}
	return p.terms[p.t-1]
}

func (p *spare) newSecond() *Command {
	if p.s == len(p.seconds) {
		p.seconds = append(p.seconds, new(Command))
	}
	p.s++
	*p.seconds[p.s-1] = Command{}
	return p.seconds[p.s-1]
}

func (p *spare) newAdmin() *Admin {
	if p.ad == len(p.admins) {
		p.admins = append(p.admins, new(Admin))
	}
	p.ad++
	*p.admins[p.ad-1] = Admin{}
	return p.admins[p.ad-1]
}
