package eventlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	_ "image/gif" // for ParsePictureHeader
	_ "image/jpeg"
	_ "image/png"
)

// A PictureHeader is what the first bytes of an encoded picture say of it.
type PictureHeader struct {
	Format        string // "png", "jpeg", "gif" or "bmp": those that TensorBoard knows
	Width, Height int    // in pixels
}

// ParsePictureHeader reads the header of an element of [Images]. What it says need
// not agree with the size that the event gives. The pixels are not decoded, so a
// picture of any size costs no memory.
func ParsePictureHeader(encoded []byte) (PictureHeader, error) {
	if bytes.HasPrefix(encoded, []byte("BM")) {
		return parseBMP(encoded)
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(encoded))
	if err != nil {
		return PictureHeader{}, fmt.Errorf("eventlog: picture of %d bytes: %w", len(encoded), err)
	}
	return PictureHeader{format, config.Width, config.Height}, nil
}

// parseBMP reads a Windows bitmap: 14 bytes of file header, then the size of the
// next one and, in all but that of OS/2, width and height, which is negative
// where the rows are stored from top to bottom.
func parseBMP(b []byte) (PictureHeader, error) {
	const sizeOf, end = 14, 26
	if len(b) < end || binary.LittleEndian.Uint32(b[sizeOf:]) < 40 {
		return PictureHeader{}, errors.New("eventlog: picture: no header of a Windows bitmap behind BM")
	}
	width, height := int32(binary.LittleEndian.Uint32(b[18:])), int64(int32(binary.LittleEndian.Uint32(b[22:])))
	if width < 0 {
		return PictureHeader{}, fmt.Errorf("eventlog: picture: a bitmap of width %d", width)
	}
	return PictureHeader{"bmp", int(width), int(max(height, -height))}, nil
}
