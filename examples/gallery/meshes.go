package main

import "github.com/runhook/runhook/summary"

// side is how many vertices a surface has in each direction.
const side = 48

func meshes(w *summary.FileWriter, t *training) error {
	for _, m := range t.some(25) {
		if err := w.Mesh("surface", surface(m.net), m.step); err != nil {
			return err
		}
		// Without faces it is a cloud of points.
		var cloud summary.Mesh
		for _, p := range t.testSet {
			z := m.net.predict(p.x, p.y)
			c := shade(z)
			cloud.Vertices = append(cloud.Vertices, [3]float32{float32(p.x), float32(p.y), float32(z)})
			cloud.Colors = append(cloud.Colors, [3]uint8{c.R, c.G, c.B})
		}
		if err := w.Mesh("cloud", cloud, m.step); err != nil {
			return err
		}
	}
	return nil
}

// surface is the prediction of a network over the plane.
func surface(n *network) summary.Mesh {
	var mesh summary.Mesh
	for i := range side {
		for j := range side {
			x := (2*float64(j)/(side-1) - 1) * reach
			y := (2*float64(i)/(side-1) - 1) * reach / 2
			z := n.predict(x, y)
			c := shade(z)
			mesh.Vertices = append(mesh.Vertices, [3]float32{float32(x), float32(y), float32(z)})
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
