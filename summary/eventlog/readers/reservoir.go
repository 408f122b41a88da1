package readers

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/runhook/runhook/summary/eventpb"
)

// Sizes of the reservoirs, as they are by default.
var (
	accumulatorSize = [lists]int{listScalars: 10000, listHistograms: 1, listImages: 4, listAudio: 4, listTensors: 10}

	pythonSize = map[string]int{scalars: 1000, images: 10, audio: 10, histograms: 500, prCurves: 100}

	rustSize = map[eventpb.DataClass]int{eventpb.DataClass_SCALAR: 1000, eventpb.DataClass_TENSOR: 100, eventpb.DataClass_BLOB_SEQUENCE: 10}
)

// pythonOtherSize is the size for plugins that pythonSize does not have.
const pythonOtherSize = 10

// A pythonReservoir is a _ReservoirBucket of reservoir.py: the newest point, and
// of the others a sample that is the same at every load.
type pythonReservoir struct {
	points []stored
	size   int // 0 keeps all
	seen   int
	rand   *twister
}

// add puts a point in, and reports the one that has to go.
func (r *pythonReservoir) add(p stored, dropped func(*stored)) {
	r.seen++
	if r.size == 0 || len(r.points) < r.size {
		r.points = append(r.points, p)
		return
	}
	if r.rand == nil {
		r.rand = newTwister()
	}
	i := r.rand.below(r.seen)
	if i >= r.size {
		i = r.size - 1
	}
	dropped(&r.points[i])
	copy(r.points[i:], r.points[i+1:])
	r.points[len(r.points)-1] = p
}

// purge keeps the points whose step is lower, and reports the others.
func (r *pythonReservoir) purge(step int64, dropped func(*stored)) {
	before := len(r.points)
	keep := r.points[:0]
	for i := range r.points {
		if p := &r.points[i]; p.step >= step {
			dropped(p)
		} else {
			keep = append(keep, *p)
		}
	}
	clear(r.points[len(keep):])
	r.points = keep
	if before > 0 {
		r.seen = int(math.RoundToEven(float64(r.seen) * (float64(len(keep)) / float64(before))))
	} else {
		r.seen = 0
	}
}

// A twister is random.Random(0) of Python, which is the Mersenne Twister 19937.
type twister struct {
	state [624]uint32
	next  int
}

func newTwister() *twister {
	const n = 624
	t := &twister{next: n}
	s := &t.state
	s[0] = 19650218
	for i := uint32(1); i < n; i++ {
		s[i] = 1812433253*(s[i-1]^s[i-1]>>30) + i
	}
	// init_by_array with the key [0].
	i := uint32(1)
	step := func() {
		if i++; i >= n {
			s[0], i = s[n-1], 1
		}
	}
	for range n {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*1664525)
		step()
	}
	for range n - 1 {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*1566083941) - i
		step()
	}
	s[0] = 1 << 31
	return t
}

func (t *twister) uint32() uint32 {
	const n, m = 624, 397
	s := &t.state
	if t.next == n {
		for i := range n {
			y := s[i]&(1<<31) | s[(i+1)%n]&(1<<31-1)
			s[i] = s[(i+m)%n] ^ y>>1 ^ -(y&1)&0x9908b0df
		}
		t.next = 0
	}
	y := s[t.next]
	t.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// below is randint(0, n-1), for n below 2³².
func (t *twister) below(n int) int {
	k := bits.Len(uint(n))
	for {
		if v := int(t.uint32() >> (32 - k)); v < n {
			return v
		}
	}
}

// A rustReservoir is a StageReservoir of reservoir.rs: the newest point, and of
// the others a sample that is the same at every load. Steps rise.
type rustReservoir struct {
	points []stored
	size   int // 0 keeps all
	seen   uint64
	rand   *chacha
}

// offer puts a point in. Points that are not before it, and one that has to go
// for want of room, are reported.
func (r *rustReservoir) offer(p stored, preempted, dropped func(*stored)) {
	old, keep := len(r.points), len(r.points)
	for keep > 0 && r.points[keep-1].step >= p.step {
		keep--
	}
	for i := keep; i < old; i++ {
		preempted(&r.points[i])
	}
	clear(r.points[keep:])
	r.points = r.points[:keep]
	if keep < old {
		r.seen = r.seen * uint64(keep) / uint64(old)
	}
	r.seen++
	if r.size > 0 && r.seen > uint64(r.size) {
		if r.rand == nil {
			r.rand = newChacha()
		}
		switch i := r.rand.below(r.seen); {
		case i >= uint64(r.size):
			if keep > 0 {
				dropped(&r.points[keep-1])
				r.points = r.points[:keep-1]
			}
		case keep >= r.size:
			dropped(&r.points[i])
			copy(r.points[i:], r.points[i+1:])
			r.points = r.points[:keep-1]
		}
	}
	r.points = append(r.points, p)
}

// chacha is ChaCha20Rng::seed_from_u64(0) of rand_chacha.
type chacha struct {
	key     [8]uint32
	counter uint64
	block   [16]uint32
	next    int
}

func newChacha() *chacha {
	c := &chacha{next: 16}
	state := uint64(0)
	for i := range c.key { // PCG32, as rand_core spreads a short seed
		state = state*6364136223846793005 + 11634580027462260723
		c.key[i] = bits.RotateLeft32(uint32((state>>18^state)>>27), -int(state>>59))
	}
	return c
}

func (c *chacha) uint64() uint64 {
	if c.next == len(c.block) {
		c.fill()
	}
	v := uint64(c.block[c.next]) | uint64(c.block[c.next+1])<<32
	c.next += 2
	return v
}

func (c *chacha) fill() {
	var start [16]uint32
	for i := range 4 {
		start[i] = binary.LittleEndian.Uint32([]byte("expand 32-byte k")[4*i:])
	}
	copy(start[4:], c.key[:])
	start[12], start[13] = uint32(c.counter), uint32(c.counter>>32)
	x := start
	quarter := func(a, b, c, d int) {
		x[a] += x[b]
		x[d] = bits.RotateLeft32(x[d]^x[a], 16)
		x[c] += x[d]
		x[b] = bits.RotateLeft32(x[b]^x[c], 12)
		x[a] += x[b]
		x[d] = bits.RotateLeft32(x[d]^x[a], 8)
		x[c] += x[d]
		x[b] = bits.RotateLeft32(x[b]^x[c], 7)
	}
	for range 10 {
		for i := range 4 {
			quarter(i, 4+i, 8+i, 12+i)
		}
		for i := range 4 {
			quarter(i, 4+(i+1)%4, 8+(i+2)%4, 12+(i+3)%4)
		}
	}
	for i := range x {
		c.block[i] = x[i] + start[i]
	}
	c.counter++
	c.next = 0
}

// below is Uniform::from(0..n).sample.
func (c *chacha) below(n uint64) uint64 {
	zone := uint64(math.MaxUint64) - (math.MaxUint64-n+1)%n
	for {
		if hi, lo := bits.Mul64(c.uint64(), n); lo <= zone {
			return hi
		}
	}
}
