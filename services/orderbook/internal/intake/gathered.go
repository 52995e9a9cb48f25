package intake

import "google.golang.org/protobuf/encoding/protowire"

// packPacks is the one field of a gathered message.
const packPacks protowire.Number = 5

// gatheredTag is what every gathered message begins with, and no pack that can
// be used: that one's first field is its gateway.
const gatheredTag = byte(packPacks)<<3 | byte(protowire.BytesType)

// AppendGathered appends a pack to a gathered message.
func AppendGathered(b, pack []byte) []byte {
	return protowire.AppendBytes(append(b, gatheredTag), pack)
}

// next takes the first pack from a message. What is no gathered message, to its
// end, is one pack, which the engine finds bad or good.
func next(data []byte) (pack, rest []byte) {
	if !gathered(data) {
		return data, nil
	}
	pack, n := protowire.ConsumeBytes(data[1:])
	return pack, data[1+n:]
}

// gathered looks at the whole message, so that one with a bad end is bad before
// anything in it was applied.
func gathered(data []byte) bool {
	if len(data) == 0 {
		return false
	}
	for len(data) > 0 {
		if data[0] != gatheredTag {
			return false
		}
		_, n := protowire.ConsumeBytes(data[1:])
		if n < 0 {
			return false
		}
		data = data[1+n:]
	}
	return true
}
