package main

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	side    = 28
	pixels  = side * side
	classes = 10
)

// pictures are grey pictures of clothes, with what they show.
type pictures struct {
	images []float32 // [n, side, side, 1], 0 to 1
	labels []int32   // [n, 1], 0 to 9
}

func (p pictures) len() int { return len(p.labels) }

// readFashion reads the four files of Fashion-MNIST.
func readFashion(dir string) (train, test pictures, err error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return train, test, fmt.Errorf("there is no %s: install Debian's package dataset-fashion-mnist, or say with -data where its files are", dir)
	}
	if train, err = readPictures(dir, "train"); err != nil {
		return train, test, err
	}
	test, err = readPictures(dir, "t10k")
	return train, test, err
}

func readPictures(dir, set string) (p pictures, err error) {
	images, err := readIDX(filepath.Join(dir, set+"-images-idx3-ubyte.gz"), side, side)
	if err != nil {
		return p, err
	}
	labels, err := readIDX(filepath.Join(dir, set+"-labels-idx1-ubyte.gz"))
	if err != nil {
		return p, err
	}
	if len(images) != len(labels)*pixels {
		return p, fmt.Errorf("%s: %d pictures in the set %q and %d labels", dir, len(images)/pixels, set, len(labels))
	}
	p.images, p.labels = make([]float32, len(images)), make([]int32, len(labels))
	for i, x := range images {
		p.images[i] = float32(x) / 255
	}
	for i, label := range labels {
		if label >= classes {
			return p, fmt.Errorf("%s: label %d of the set %q is %d, want 0 to 9", dir, i, set, label)
		}
		p.labels[i] = int32(label)
	}
	return p, nil
}

// readIDX reads a file of bytes in the format of MNIST: two zeros, the type 8, how
// many dimensions there are, each of them in 4 bytes, then the data. All
// dimensions but the first have to be those given.
func readIDX(path string, shape ...uint32) (_ []byte, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
	}()
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		return nil, err
	}
	header := make([]uint32, 2+len(shape))
	if err := binary.Read(unzipped, binary.BigEndian, header); err != nil {
		return nil, err
	}
	if want := uint32(0x0800 + 1 + len(shape)); header[0] != want {
		return nil, fmt.Errorf("begins with %#x, want %#x", header[0], want)
	}
	size := 1
	for i, n := range shape {
		if header[2+i] != n {
			return nil, fmt.Errorf("dimension %d is %d, want %d", i+1, header[2+i], n)
		}
		size *= int(n)
	}
	data, err := io.ReadAll(unzipped)
	if err == nil && len(data) != int(header[1])*size {
		err = fmt.Errorf("%d bytes of data, want %d", len(data), int(header[1])*size)
	}
	return data, err
}
