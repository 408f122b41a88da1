package summary

import (
	"encoding/json"
	"fmt"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary/eventpb"
)

// MeshData is a body of triangles in space, or a cloud of points.
type MeshData struct {
	// Vertices are points: x, y, z, all finite. Required.
	Vertices [][3]float32
	// Faces are triangles, by the indices of their corners in Vertices. nil: there
	// are none, it is a cloud.
	Faces [][3]int32
	// Colors are those of Vertices: red, green, blue. nil: they have none.
	Colors [][3]uint8
	// Config is the configuration of the Three.js scene as JSON, {"camera": {…}} for
	// example. Default "{}", TensorBoard's own.
	Config string
}

func (m *MeshData) check() error {
	if len(m.Vertices) == 0 {
		return fmt.Errorf("no vertices")
	}
	for i, v := range m.Vertices {
		for _, x := range v {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				return fmt.Errorf("vertex %d is %v, want finite numbers", i, v)
			}
		}
	}
	for i, f := range m.Faces {
		for _, corner := range f {
			if corner < 0 || int(corner) >= len(m.Vertices) {
				return fmt.Errorf("face %d has the corner %d, and there are %d vertices", i, corner, len(m.Vertices))
			}
		}
	}
	if m.Colors != nil && len(m.Colors) != len(m.Vertices) {
		return fmt.Errorf("%d colors for %d vertices", len(m.Colors), len(m.Vertices))
	}
	if m.Config != "" && !json.Valid([]byte(m.Config)) {
		return fmt.Errorf("the config is no JSON: %.40q", m.Config)
	}
	return nil
}

// MeshValues returns the parts of a mesh, which belong in one event: each has a
// tag of its own, name_VERTEX, name_FACE and name_COLOR.
func MeshValues(name string, mesh MeshData) ([]Value, error) {
	if name == "" {
		return nil, fmt.Errorf("summary: mesh %q: it has no name", name)
	}
	if !utf8.ValidString(name) {
		return nil, fmt.Errorf("summary: mesh %q: its name is no valid UTF-8", name)
	}
	if err := mesh.check(); err != nil {
		return nil, fmt.Errorf("summary: mesh %q: %w", name, err)
	}
	type part struct {
		content eventpb.MeshPluginData_ContentType
		rows    int
		data    any
	}
	parts := []part{{eventpb.MeshPluginData_VERTEX, len(mesh.Vertices), flat(mesh.Vertices)}}
	if mesh.Faces != nil {
		parts = append(parts, part{eventpb.MeshPluginData_FACE, len(mesh.Faces), flat(mesh.Faces)})
	}
	if mesh.Colors != nil {
		parts = append(parts, part{eventpb.MeshPluginData_COLOR, len(mesh.Colors), flat(mesh.Colors)})
	}
	if mesh.Config == "" {
		mesh.Config = "{}"
	}
	var components uint32
	for _, p := range parts {
		components |= 1 << p.content
	}
	var values []Value
	for _, p := range parts {
		body, err := tensorField(session.Tensor{Shape: []int{1, p.rows, 3}, Data: p.data})
		if err != nil {
			return nil, fmt.Errorf("summary: mesh %q: %w", name, err)
		}
		content, err := proto.Marshal(&eventpb.MeshPluginData{
			Name: name, ContentType: p.content, JsonConfig: mesh.Config, Shape: []int32{1, int32(p.rows), 3}, Components: components,
		})
		if err != nil {
			return nil, fmt.Errorf("summary: mesh %q: %w", name, err)
		}
		values = append(values, Value{tag: name + "_" + p.content.String(), metadata: encodeMetadata("mesh", content, classTensor), body: body})
	}
	return values, nil
}

func flat[T any](rows [][3]T) []T {
	elements := make([]T, 0, 3*len(rows))
	for _, row := range rows {
		elements = append(elements, row[:]...)
	}
	return elements
}

// Mesh writes a mesh.
func (w *Writer) Mesh(name string, mesh MeshData, step int64) error {
	values, err := MeshValues(name, mesh)
	if err != nil {
		return err
	}
	return w.Add(step, values...)
}

// Mesh returns an op that makes a mesh of fetched [MeshData], by [session.Any], or
// a cloud of points of a float32 tensor of shape [points, 3]. The name is that
// which [CleanName] gives.
func Mesh(name, fetch string) Op {
	op := opOf("mesh", name, fetch, nil)
	op.values = func(dst []Value, tag string, in []input) ([]Value, error) {
		mesh, err := meshOf(in[0])
		if err != nil {
			return dst, err
		}
		values, err := MeshValues(tag, mesh)
		return append(dst, values...), err
	}
	return op
}

func meshOf(in input) (MeshData, error) {
	const wanted = "MeshData or a float32 tensor of shape [points, 3]"
	if mesh, ok := in.Any().(MeshData); ok {
		return mesh, nil
	}
	t, err := in.tensor(wanted)
	if err != nil {
		return MeshData{}, err
	}
	points, ok := t.Data.([]float32)
	if !ok || len(t.Shape) != 2 || t.Shape[1] != 3 {
		return MeshData{}, in.want(wanted)
	}
	mesh := MeshData{Vertices: make([][3]float32, 0, len(points)/3)}
	for i := 0; i < len(points); i += 3 {
		mesh.Vertices = append(mesh.Vertices, [3]float32(points[i:]))
	}
	return mesh, nil
}
