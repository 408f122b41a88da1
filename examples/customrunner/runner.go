package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/runhook/runhook/session"
)

type point struct{ x, y float64 }

func (p point) distance(q point) float64 { return math.Hypot(p.x-q.x, p.y-q.y) }

// kMeans clusters points: a runner of the user's own. It is an engine, which has
// names to fetch and opens sessions, and keeps its state from session to session.
type kMeans struct {
	points  []point
	centers []point
	cluster []int64 // of each point
	inertia float64 // mean squared distance of the points from their centers
	moved   float64 // how far the centers went in the last iteration
	steps   int64
}

var _ session.Engine = (*kMeans)(nil)

func newKMeans(points []point, k int) *kMeans {
	return &kMeans{
		points:  points,
		centers: append([]point(nil), points[:k]...),
		cluster: make([]int64, len(points)),
	}
}

// names is what can be fetched. "iterate" is the training op: it has no value.
var names = []string{"iterate", "global_step", "inertia", "moved", "cluster"}

func (m *kMeans) Resolve(name string) error {
	if !slices.Contains(names, name) {
		return session.UnknownName(name, names)
	}
	return nil
}

func (m *kMeans) GlobalStep() string { return "global_step" }

func (m *kMeans) Finalize(context.Context) error { return nil }

func (m *kMeans) NewSession(context.Context) (session.Session, error) {
	return &kMeansSession{m}, nil
}

type kMeansSession struct{ model *kMeans }

// Run makes one iteration if "iterate" is fetched, and answers the rest. The
// global step is the one before the iteration, everything else is from after.
func (s *kMeansSession) Run(ctx context.Context, req *session.Request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m := s.model
	for name := range req.Feeds {
		if err := m.Resolve(name); err != nil {
			return err
		}
		return fmt.Errorf("kmeans: %q cannot be fed", name)
	}
	for _, name := range req.Fetches {
		if err := m.Resolve(name); err != nil {
			return err
		}
	}
	before := m.steps
	if slices.Contains(req.Fetches, "iterate") {
		m.iterate()
	}
	for i, name := range req.Fetches {
		switch name {
		case "iterate":
			req.Values[i] = session.Value{}
		case "global_step":
			req.Values[i] = session.Int64(before)
		case "inertia":
			req.Values[i] = session.Float64(m.inertia)
		case "moved":
			req.Values[i] = session.Float64(m.moved)
		case "cluster":
			req.Values[i] = session.TensorOf(m.cluster)
		}
	}
	return nil
}

func (s *kMeansSession) Close() error { return nil }

// iterate assigns the points to their nearest centers, then moves each center to
// the middle of its points.
func (m *kMeans) iterate() {
	sums := make([]point, len(m.centers))
	counts := make([]float64, len(m.centers))
	m.inertia = 0
	for i, p := range m.points {
		nearest := 0
		for c, center := range m.centers {
			if p.distance(center) < p.distance(m.centers[nearest]) {
				nearest = c
			}
		}
		d := p.distance(m.centers[nearest])
		m.inertia += d * d / float64(len(m.points))
		m.cluster[i] = int64(nearest)
		sums[nearest].x += p.x
		sums[nearest].y += p.y
		counts[nearest]++
	}
	m.moved = 0
	for c, n := range counts {
		if n == 0 {
			continue
		}
		center := point{sums[c].x / n, sums[c].y / n}
		m.moved = max(m.moved, center.distance(m.centers[c]))
		m.centers[c] = center
	}
	m.steps++
}

// gaussianClouds returns n points around the corners of a pentagon.
func gaussianClouds(n int) []point {
	rng := rand.New(rand.NewPCG(1, 2))
	points := make([]point, n)
	for i := range points {
		angle := 2 * math.Pi * float64(i%5) / 5
		points[i] = point{math.Cos(angle) + 0.2*rng.NormFloat64(), math.Sin(angle) + 0.2*rng.NormFloat64()}
	}
	return points
}
