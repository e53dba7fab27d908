package kernel

import "math"

// Features gives a loss the distance of a student's features from those of its
// teacher (Romero and others, "FitNets: Hints for thin deep nets", 2015). f and
// want are both [N][D]; loss is what other parts came to. It returns
//
//	loss + share * mean of (f - want/rms)² over all D
//
// and sets df to the gradient of the second part. rms is the root of the mean
// square of a picture's want, so that teachers of any scale count the same; one
// whose features are all 0 says nothing. The mean over the pictures, and
// weights, are those of the loss heads.
func Features(ws *Workers, df, f, want []float32, n int, weights []float32, loss, share float64) float64 {
	mustLen("df", df, len(f))
	mustLen("want", want, len(f))
	optLen("weights", weights, n)
	j := &ws.features
	*j = featuresJob{df: df, f: f, want: want, d: len(f) / n, weights: weights, share: share / counted(n, weights), parts: make([]float64, n)}
	ws.run(n, j)
	for _, part := range j.parts { // in this order, whoever was first
		loss += part
	}
	return loss
}

type featuresJob struct {
	df, f, want []float32
	d           int // of a picture
	weights     []float32
	share       float64
	parts       []float64 // of each picture in the loss
}

// task is picture i.
func (j *featuresJob) task(i int, _ *Workers, _ *worker) {
	df, f, want := j.df[i*j.d:][:j.d], j.f[i*j.d:][:j.d], j.want[i*j.d:][:j.d]
	var square float64
	for _, v := range want {
		square += float64(float64(v) * float64(v))
	}
	if square == 0 {
		clear(df)
		return
	}
	scale := math.Sqrt(float64(j.d) / square)
	share := j.share * weightOf(j.weights, i) / float64(j.d)
	var sum float64
	for k, v := range f {
		off := float64(v) - float64(scale*float64(want[k]))
		sum += float64(off * off)
		df[k] = float32(2 * share * off)
	}
	j.parts[i] = share * sum
}
