package main

import (
	"math"

	"github.com/runhook/runhook/summary"
)

// side is how many vertices a surface has in each direction.
const side = 48

// tilted is a place as TensorBoard shows it best before it is turned by hand.
func tilted(x, y, z float64) [3]float32 {
	sin, cos := math.Sincos(math.Pi / 3)
	return [3]float32{float32(x), float32(cos*y + sin*z), float32(cos*z - sin*y)}
}

func meshes(w *summary.FileWriter, t *training) error {
	for _, m := range t.some(25) {
		if err := w.Mesh("surface", surface(m.net), m.step); err != nil {
			return err
		}
		// Without faces it is a cloud of points.
		cloud := summary.MeshData{Config: `{"material": {"cls": "PointsMaterial", "size": 0.06}}`}
		for _, p := range t.testSet {
			z := m.net.predict(p.x, p.y)
			c := shade(z)
			cloud.Vertices = append(cloud.Vertices, tilted(p.x, p.y, z))
			cloud.Colors = append(cloud.Colors, [3]uint8{c.R, c.G, c.B})
		}
		if err := w.Mesh("cloud", cloud, m.step); err != nil {
			return err
		}
	}
	return nil
}

// surface is the prediction of a network over the plane.
func surface(n *network) summary.MeshData {
	var mesh summary.MeshData
	for i := range side {
		for j := range side {
			x := (2*float64(j)/(side-1) - 1) * reach
			y := (2*float64(i)/(side-1) - 1) * reach / 2
			z := n.predict(x, y)
			c := shade(z)
			mesh.Vertices = append(mesh.Vertices, tilted(x, y, z))
			mesh.Colors = append(mesh.Colors, [3]uint8{c.R, c.G, c.B})
			if i > 0 && j > 0 {
				corner := int32(i*side + j)
				mesh.Faces = append(mesh.Faces,
					[3]int32{corner - side - 1, corner - side, corner},
					[3]int32{corner - side - 1, corner, corner - 1})
			}
		}
	}
	return mesh
}
