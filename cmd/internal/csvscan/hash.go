package csvscan

// Parameters of the 64-bit FNV-1a hash.
const (
	FNVOffset = 14695981039346656037
	FNVPrime  = 1099511628211
)

// Key64 makes 8 bytes of a key: the number that 16 hex digits spell, as the
// official image ids are, which is exact, or a hash (FNV-1a) of any other. Two
// keys with one Key64 are to be told apart by their text.
func Key64[T string | []byte](id T) uint64 {
	if key, ok := Hex16(id); ok {
		return key
	}
	key := uint64(FNVOffset)
	for i := range len(id) {
		key = (key ^ uint64(id[i])) * FNVPrime
	}
	return key
}

// Hex16 reads 16 lower-case hex digits. Digits and letters follow each other at
// random, so that it does not branch on them.
func Hex16[T string | []byte](id T) (key uint64, ok bool) {
	if len(id) != 16 {
		return 0, false
	}
	var all byte
	for i := range 16 {
		digit := hexDigits[id[i]]
		key = key<<4 | uint64(digit&15)
		all |= digit
	}
	return key, all < 16
}

// hexDigits holds what the lower-case hex digits stand for, and 255 elsewhere.
var hexDigits = func() (table [256]byte) {
	for i := range table {
		table[i] = 255
	}
	for i, c := range []byte("0123456789abcdef") {
		table[c] = byte(i)
	}
	return table
}()

// Mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
func Mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
