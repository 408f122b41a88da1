package checkpoint

// Files and File are what a Saver needs of the disk.
type (
	Files = files
	File  = file
)

// OSFiles is the real disk.
var OSFiles Files = osFiles{}

// NewSaverOn returns a Saver that writes to other files.
func NewSaverOn(on Files, config SaverConfig) (*Saver, error) {
	s, err := NewSaver(config)
	if err == nil {
		s.on = on
	}
	return s, err
}

// SwapBytes makes files as a big-endian machine would have to write and read
// them, until the function returned is called.
func SwapBytes() (undo func()) {
	swaps = !swaps
	return func() { swaps = !swaps }
}

// ParseHeader returns the header in b as a new one would be written, without
// what does not concern variables.
func ParseHeader(header []byte, dataSize int64) (again []byte, entries int, err error) {
	list, metadata, err := parseHeader(header, dataSize)
	if err != nil {
		return nil, 0, err
	}
	delete(metadata, checksumKey)
	again, err = encodeHeader(list, metadata)
	return again, len(list), err
}

// EncodeState and ParseState are the text form of a state.
var (
	EncodeState = encodeState
	ParseState  = parseState
)
