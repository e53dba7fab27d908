package sample

// extent is what is seen of an object: pixels x0 to x1-1 and y0 to y1-1.
type extent struct {
	object         int
	x0, x1, y0, y1 int
	visible, alone int  // pixels seen, and pixels it would have with nothing before it
	truncated      bool // it goes on outside the picture
}

// view is a scene seen through its camera.
type view struct {
	*scene
	corners []projected
	seen    *visibilityBuffer
	cover   *coverage
}

func (s *scene) rasterize() *view {
	v := &view{scene: s, corners: make([]projected, len(s.mesh.vertices))}
	for i := range s.mesh.vertices {
		v.corners[i] = s.camera.project(s.mesh.vertices[i].p)
	}
	v.seen = newVisibilityBuffer(s.camera.w, s.camera.h)
	v.cover = newCoverage(s.camera.w*s.camera.h, len(s.objects))
	v.seen.drawMesh(s.mesh, v.corners, v.cover)
	return v
}

// owner is the object seen at pixel i, or -1.
func (v *view) owner(i int) int {
	t := v.seen.triangle[i] - 1
	if t < 0 {
		return -1
	}
	return int(v.mesh.parts[v.mesh.triangles[t].part].object)
}

// render lights the scene and adds the camera's faults. The scene must have
// normals.
func (v *view) render(seed uint64, n *noise, tone *toneCurve) *pixels {
	s := v.scene
	s.sun.shadow = newVisibilityBuffer(shadowSize, shadowSize)
	far := make([]projected, len(s.mesh.vertices))
	for i := range s.mesh.vertices {
		far[i] = s.sun.project(s.mesh.vertices[i].p)
	}
	s.sun.shadow.drawMesh(s.mesh, far, nil)
	s.sun.half = s.sun.to.sub(s.camera.ahead).unit()
	sh := &shader{scene: s, tone: tone, noise: n, eye: s.camera.eye()}
	p := sh.shade(v.seen, v.corners)
	for range s.blurPasses {
		p.blur()
	}
	p.addNoise(seed, s.grain)
	return p
}

// A thing of which less is seen gets no box: an annotator would not find it.
const (
	minVisible = 200 // pixels
	minSide    = 12
	minShare   = 0.3 // of what would be seen with nothing before it
)

// extents finds how far every food can be seen, in the order in which they were
// placed.
func (v *view) extents() []extent {
	w, h := v.seen.w, v.seen.h
	all := make([]extent, len(v.objects))
	for i := range all {
		all[i] = extent{object: i, x0: w, y0: h, alone: v.cover.alone[i]}
	}
	for y := range h {
		for x := range w {
			o := v.owner(y*w + x)
			if o < 0 {
				continue
			}
			e := &all[o]
			e.x0, e.x1 = min(e.x0, x), max(e.x1, x+1)
			e.y0, e.y1 = min(e.y0, y), max(e.y1, y+1)
			e.visible++
		}
	}
	for i := range v.mesh.triangles {
		t := &v.mesh.triangles[i]
		c := &v.corners[t.a]
		if c.x < 0 || c.y < 0 || c.x > int64(w*subpixel) || c.y > int64(h*subpixel) {
			all[v.mesh.parts[t.part].object].truncated = true
		}
	}
	kept := all[:0]
	for _, e := range all {
		if v.objects[e.object].class != clutter && e.x1-e.x0 >= minSide && e.y1-e.y0 >= minSide &&
			e.visible >= minVisible && float64(e.visible) >= mul(minShare, float64(e.alone)) {
			kept = append(kept, e)
		}
	}
	return kept
}
