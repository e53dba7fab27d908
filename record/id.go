package record

// MaxID is the length of the longest ImageID in bytes.
const MaxID = 64

// ValidID reports whether id has the form of an ImageID: 1 to [MaxID] ASCII
// letters, digits, hyphens and underscores. Only such an id may name a file.
func ValidID[T string | []byte](id T) bool {
	if len(id) == 0 || len(id) > MaxID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
