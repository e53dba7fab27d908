package kernel

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// networkLayer is a convolution or a pooling of a network, with its buffers.
type networkLayer struct {
	name    string
	flop    float64
	stage   Stage
	in, out []float32
	add     []float32
	side    int
	// bytes are read and written at least: input, output, weights.
	bytes float64
	run   func(ws *Workers)
}

// network makes up a sequence of layers. The buffers of activations are shared,
// as a planner of memory would do: four in turn, so that the input of a
// residual sum is there.
type network struct {
	tb      testing.TB
	ws      *Workers
	n, side int
	c       int
	buffers [4][]float32
	at      int
	layers  []networkLayer
}

func newNetwork(tb testing.TB, ws *Workers, n, side, channels int) *network {
	net := &network{tb: tb, ws: ws, n: n, side: side, c: channels}
	size := n * side * side * 24 // enough for both networks
	for i := range net.buffers {
		net.buffers[i] = values(newRand(tb), size)
	}
	return net
}

func (net *network) x() []float32 {
	return net.buffers[net.at%4][:net.n*net.side*net.side*net.c]
}

// conv adds a convolution of k x k; back says how many layers before the sum
// begins, or 0 for none.
func (net *network) conv(k, stride, cout, groups, back int, act Unary) {
	pad := k / 2
	w := square(k, stride, pad)
	if stride == 2 && pad > 0 && net.side%2 == 0 {
		w.PadTop, w.PadLeft = pad-1, pad-1
	}
	c := GroupedConv{net.n, net.side, net.side, net.c, cout, groups, w}
	if err := c.Check(); err != nil {
		net.tb.Fatal(err)
	}
	_, _, weights, bias := c.values(newRand(net.tb))
	for i := range weights {
		weights[i] *= 0.05
	}
	packed := c.Pack(net.ws, weights, bias)
	x := net.x()
	oh, ow := c.OutHW(c.H, c.W)
	net.side, net.c = oh, cout
	var add []float32
	if back > 0 {
		add = net.buffers[(net.at+1-back)%4][:c.N*oh*ow*cout]
	}
	net.at++
	y := net.x()
	kind := ""
	if groups > 1 {
		kind = " depthwise"
	}
	net.layers = append(net.layers, networkLayer{
		name:  fmt.Sprintf("%dx%d/%d %3dx%-3d %4d -> %-4d%s", k, k, stride, c.H, c.W, c.Cin, cout, kind),
		flop:  2 * float64(c.N*oh*ow*cout) * float64(k*k*c.Cin/groups),
		bytes: 4 * float64(len(x)+len(y)+len(weights)),
		run:   func(ws *Workers) { c.ForwardPacked(ws, y, x, packed, add, act) },
		stage: Stage{packed, act}, in: x, out: y, add: add, side: c.H,
	})
}

// fuse makes one layer of the last n, a depthwise convolution with its
// neighbours, where that pays.
func (net *network) fuse(n int) {
	at := len(net.layers) - n
	part := net.layers[at:]
	first, last := part[0], part[n-1]
	s := Separable{N: net.n, H: first.side, W: first.side, Depthwise: part[n-2].stage, Project: last.stage}
	if n == 3 {
		s.Expand = first.stage
	}
	if err := s.Check(); err != nil {
		net.tb.Fatal(err)
	}
	if !s.Pays() {
		return
	}
	fused := networkLayer{
		name:  fmt.Sprintf("separable/%d %3dx%-3d %4d -> %-4d", s.Depthwise.Weights.c.StrideH, s.H, s.W, part[n-2].stage.Weights.c.Cin, last.stage.Weights.c.Cout),
		bytes: 4 * float64(len(first.in)+len(last.out)),
		run:   func(ws *Workers) { s.Forward(ws, last.out, first.in, last.add) },
	}
	for _, l := range part {
		fused.flop += l.flop
	}
	net.layers = append(net.layers[:at], fused)
}

func (net *network) maxPool() {
	p := Pool{N: net.n, H: net.side, W: net.side, C: net.c, Window: square(3, 2, 1)}
	x := net.x()
	net.side, _ = p.OutHW(p.H, p.W)
	net.at++
	y := net.x()
	net.layers = append(net.layers, networkLayer{
		name: fmt.Sprintf("maximum 3x3/2 %dx%d %d", p.H, p.W, p.C), bytes: 4 * float64(len(x)+len(y)),
		run: func(ws *Workers) { p.Forward(ws, y, x) },
	})
}

func (net *network) mean() {
	g := GlobalAvgPool{N: net.n, H: net.side, W: net.side, C: net.c}
	x := net.x()
	net.side = 1
	net.at++
	y := net.x()
	net.layers = append(net.layers, networkLayer{name: "mean", bytes: 4 * float64(len(x)), run: func(ws *Workers) { g.Forward(ws, y, x) }})
}

// mobileNetV2 is M. Sandler et al., "MobileNetV2: Inverted Residuals and Linear
// Bottlenecks", CVPR 2018, table 2, from bytes to its features.
func mobileNetV2(tb testing.TB, ws *Workers, n, side int) *network {
	net := newNetwork(tb, ws, n, side, 3)
	relu6 := Clip{0, 6}.Limit()
	pixels, x := make([]uint8, n*side*side*3), net.x()
	factor, offset := []float32{1 / 127.5, 1 / 127.5, 1 / 127.5}, []float32{-1, -1, -1}
	net.layers = append(net.layers, networkLayer{name: "bytes", bytes: 5 * float64(len(x)), run: func(ws *Workers) { ScaleBytes(ws, x, pixels, factor, offset) }})
	net.conv(3, 2, 32, 1, 0, relu6)
	for _, b := range [][4]int{{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}} {
		for i := range b[2] {
			in, stride := net.c, b[3]
			if i > 0 {
				stride = 1
			}
			if b[0] > 1 {
				net.conv(1, 1, b[0]*in, 1, 0, relu6)
			}
			net.conv(3, stride, net.c, net.c, 0, relu6)
			back := 0
			if i > 0 {
				back = 3
			}
			net.conv(1, 1, b[1], 1, back, Unary{})
			net.fuse(min(3, 1+int(b[0])))
		}
	}
	net.conv(1, 1, 1280, 1, 0, relu6)
	net.mean()
	return net
}

// resNet18 is K. He et al., "Deep Residual Learning for Image Recognition",
// CVPR 2016, table 1.
func resNet18(tb testing.TB, ws *Workers, n, side int) *network {
	net := newNetwork(tb, ws, n, side, 3)
	relu := Unary{Op: UnaryReLU}
	net.conv(7, 2, 64, 1, 0, relu)
	net.maxPool()
	for i, c := range []int{64, 128, 256, 512} {
		for j := range 2 {
			stride := 1
			if i > 0 && j == 0 {
				stride = 2
				// The projection reads the same input as the
				// convolution after it; here it is a layer
				// before them.
				at, side, in := net.at, net.side, net.c
				net.conv(1, 2, c, 1, 0, Unary{})
				net.at, net.side, net.c = at, side, in
			}
			net.conv(3, stride, c, 1, 0, relu)
			net.conv(3, 1, c, 1, 2, relu)
		}
	}
	net.mean()
	return net
}

// BenchmarkNetwork times all layers of a network, one after the other. With -v
// it prints a table of the layers: the best time of each, GFLOP/s and the share
// of the GEMM micro-kernel's rate in the first-level cache.
//
// In pictures a second on one thread of an AMD EPYC (Zen 5, AVX-512), each the
// best run of several that alternated with onnxruntime-node 1.22.0, on a shared
// machine whose micro-kernel did about 200 GFLOP/s:
//
//	                       here  onnxruntime  ratio  floor
//	MobileNetV2, 128, 16    642          548   1.17   1025
//	MobileNetV2, 128, 1     714          591   1.21   1025
//	MobileNetV2, 224, 16    207          175   1.18    335
//	ResNet-18, 128, 16      183          151   1.21    312
//	ResNet-18, 224, 16       63           52   1.21    102
//
// The floor is all multiply-adds at the micro-kernel's rate, with 16 in place
// of 36 where Winograd's tiles are used. In MobileNetV2 the projections to 24
// channels compute 32, depthwise convolutions do 40 to 65 GFLOP/s, and the
// first layer writes 8 MB for 16 pictures of 128 pixels.
func BenchmarkNetwork(b *testing.B) {
	for _, c := range []struct {
		name    string
		make    func(tb testing.TB, ws *Workers, n, side int) *network
		n, side int
	}{
		{"MobileNetV2", mobileNetV2, 16, 128}, {"MobileNetV2", mobileNetV2, 1, 128},
		{"MobileNetV2", mobileNetV2, 16, 224}, {"MobileNetV2", mobileNetV2, 1, 224},
		{"ResNet18", resNet18, 16, 128}, {"ResNet18", resNet18, 1, 128},
		{"ResNet18", resNet18, 16, 224}, {"ResNet18", resNet18, 1, 224},
	} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/side=%d/n=%d/threads=%d", c.name, c.side, c.n, threads), func(b *testing.B) {
				ws := NewWorkers(threads)
				defer ws.Close()
				net := c.make(b, ws, c.n, c.side)
				now := clock // of the thread
				if threads > 1 {
					start := time.Now()
					now = func() time.Duration { return time.Since(start) }
				}
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				peak := gemmPeak(ws) * float64(threads)
				best := make([]time.Duration, len(net.layers))
				whole := time.Hour
				for b.Loop() {
					start := now()
					from := start
					for i, l := range net.layers {
						l.run(ws)
						to := now()
						if d := to - from; best[i] == 0 || d < best[i] {
							best[i] = d
						}
						from = to
					}
					whole = min(whole, from-start)
				}
				var sum time.Duration
				var flop float64
				for i, l := range net.layers {
					sum += best[i]
					flop += l.flop
					s := best[i].Seconds()
					b.Logf("%-36s %8.3f ms %6.1f GFLOP/s %4.0f %% %6.1f GB/s", l.name, s*1e3, l.flop/s/1e9, 100*l.flop/s/peak, l.bytes/s/1e9)
				}
				b.ReportMetric(float64(c.n)/whole.Seconds(), "pictures/s")
				b.ReportMetric(float64(c.n)/sum.Seconds(), "best-pictures/s")
				b.ReportMetric(flop/whole.Seconds()/1e9, "GFLOP/s")
				b.ReportMetric(100*flop/whole.Seconds()/peak, "%of-peak")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
