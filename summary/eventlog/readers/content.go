package readers

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/summary/eventpb"
)

// pluginData is what the messages of the plugins have in common: a version in
// field 1. second is field 2, which is the encoding for audio.
type pluginData struct{ version, second int32 }

const wavEncoding = 11

// parsePluginData reads a ScalarPluginData, AudioPluginData or the like.
func parsePluginData(content []byte) (pluginData, error) {
	var d pluginData
	err := fields(content, func(num protowire.Number, typ protowire.Type, value []byte) error {
		if typ != protowire.VarintType || num > 2 {
			return nil
		}
		v, _ := protowire.ConsumeVarint(value)
		if num == 1 {
			d.version = int32(v)
		} else {
			d.second = int32(v)
		}
		return nil
	})
	return d, err
}

// meshFault tells why the page of meshes cannot list one: it looks for the number
// of its samples.
func meshFault(content []byte) error {
	var m eventpb.MeshPluginData
	if err := proto.Unmarshal(content, &m); err != nil {
		return err
	}
	if m.GetVersion() == 0 && len(m.GetShape()) == 0 {
		return errors.New("a mesh without a shape (IndexError)")
	}
	return nil
}

// checkGraph looks whether a serialized GraphDef can be parsed, as deep as what its
// nodes and its other messages are made of.
func checkGraph(graph []byte) error {
	const node, version, debugInfo = 1, 3, 5
	const name, device, attr, experimentalType = 1, 4, 5, 7
	return fields(graph, func(num protowire.Number, typ protowire.Type, value []byte) error {
		if typ != protowire.BytesType || num > debugInfo || num == version {
			return nil
		}
		return fields(value, func(part protowire.Number, typ protowire.Type, value []byte) error {
			if num != node || typ != protowire.BytesType {
				return nil
			}
			switch {
			case name <= part && part <= device && !utf8.Valid(value):
				return errors.New("a node with a string that is no UTF-8")
			case attr <= part && part <= experimentalType:
				return fields(value, anything)
			}
			return nil
		})
	})
}

// checkMetaGraph looks whether a serialized MetaGraphDef can be parsed, its graph as
// deep as checkGraph does, and the other messages by themselves.
func checkMetaGraph(meta []byte) error {
	const graph, objectGraph = 2, 7
	return fields(meta, func(num protowire.Number, typ protowire.Type, value []byte) error {
		switch {
		case typ != protowire.BytesType || num > objectGraph:
			return nil
		case num == graph:
			return checkGraph(value)
		}
		return fields(value, anything)
	})
}

func anything(protowire.Number, protowire.Type, []byte) error { return nil }

var errNoMessage = errors.New("no message of the wire format")

// fields calls each for every field of a message, with the payload of a
// length-delimited field and the encoded value of others.
func fields(message []byte, each func(protowire.Number, protowire.Type, []byte) error) error {
	for len(message) > 0 {
		num, typ, n := protowire.ConsumeTag(message)
		if n < 0 {
			return errNoMessage
		}
		message = message[n:]
		size := protowire.ConsumeFieldValue(num, typ, message)
		if size < 0 {
			return errNoMessage
		}
		value := message[:size]
		if typ == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(value)
		}
		if err := each(num, typ, value); err != nil {
			return err
		}
		message = message[size:]
	}
	return nil
}

// imageType is the type that a server finds for a picture. It asks Pillow, which
// opens one whose header is whole; what follows need not be there.
func imageType(b []byte) string {
	header := func(decode func(io.Reader) (image.Config, error)) bool {
		c, err := decode(bytes.NewReader(b))
		return err == nil && c.Width > 0 && c.Height > 0
	}
	switch {
	case header(png.DecodeConfig):
		return "image/png"
	case header(gif.DecodeConfig):
		return "image/gif"
	case header(jpeg.DecodeConfig):
		return "image/jpeg"
	case isBMP(b):
		return "image/bmp"
	}
	return "application/octet-stream"
}

// isBMP reports whether b begins with the headers of a BMP: that of the file, and
// one of the known sizes.
func isBMP(b []byte) bool {
	const file = 14
	if !bytes.HasPrefix(b, []byte("BM")) || len(b) < file+4 {
		return false
	}
	size := binary.LittleEndian.Uint32(b[file:])
	return slices.Contains([]uint32{12, 40, 52, 56, 64, 108, 124}, size) && len(b) >= file+int(size)
}

// graphOf is the graph of a serialized MetaGraphDef. A message field that comes
// twice is merged, which is to append its encodings.
func graphOf(meta []byte) []byte {
	const graph = 2
	out := []byte{}
	fields(meta, func(num protowire.Number, typ protowire.Type, value []byte) error {
		if num == graph && typ == protowire.BytesType {
			out = append(out, value...)
		}
		return nil
	})
	return out
}
