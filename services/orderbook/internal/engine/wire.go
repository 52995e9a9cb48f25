package engine

import "encoding/binary"

// put* append one field in canonical proto3: a zero value is left out.

func putUint(b []byte, n int, v uint64) []byte {
	if v == 0 {
		return b
	}
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(n)<<3), v)
}

func putInt(b []byte, n int, v int64) []byte { return putUint(b, n, uint64(v)) }

// putFixed appends a fixed64 of a field below 16.
func putFixed(b []byte, n int, v uint64) []byte {
	if v == 0 {
		return b
	}
	return le.AppendUint64(append(b, byte(n)<<3|1), v)
}

func putBool(b []byte, n int, v bool) []byte {
	if !v {
		return b
	}
	return putUint(b, n, 1)
}

func putString(b []byte, n int, v string) []byte {
	if v == "" {
		return b
	}
	b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(n)<<3|2), uint64(len(v)))
	return append(b, v...)
}

func putBytes(b []byte, n int, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return putMessage(b, n, v)
}

// putMessage appends an embedded message, also when it is empty.
func putMessage(b []byte, n int, v []byte) []byte {
	b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(n)<<3|2), uint64(len(v)))
	return append(b, v...)
}

// appendString and appendBool are for digest and snapshot, where nothing is
// left out.

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendUints(b []byte, vs ...uint64) []byte {
	for _, v := range vs {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

// printable reports a string of 1..limit printable ASCII characters.
func printable(s string, limit int) bool {
	if len(s) == 0 || len(s) > limit {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

func printableBytes(s []byte, limit int) bool {
	if len(s) == 0 || len(s) > limit {
		return false
	}
	for _, c := range s {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return true
}
