package pixels

// Encoder returns EncodePNG with what it keeps held for sure, as a pool does not.
func Encoder() func(dst []byte, pix []uint8, s Shape) ([]byte, error) { return newEncoder().encode }
