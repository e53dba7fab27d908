package threadpool

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// counting counts how often each task ran, and is no atomic number, so that the
// race detector sees whether two threads had a task or Run returned too early.
// threads notes for each thread that it is at work.
type counting struct {
	tasks   []int
	threads []int
}

func (c *counting) Do(thread, i int) {
	c.threads[thread]++
	c.tasks[i]++
}

// TestRun: every task of every phase runs once and is done when Run returns,
// whether the threads sleep in between, look for work, or come too late.
func TestRun(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		for _, looks := range []int{0, looks} {
			t.Run(fmt.Sprintf("%d threads, %d looks", threads, looks), func(t *testing.T) {
				p := newPool(threads, looks)
				defer p.Close()
				if p.Threads() != threads {
					t.Errorf("%d threads", p.Threads())
				}
				c := &counting{threads: make([]int, threads)}
				rng := rand.New(rand.NewPCG(1, 2))
				for phase := range 5000 {
					c.tasks = make([]int, rng.IntN(20))
					p.Run(len(c.tasks), c)
					if slices.ContainsFunc(c.tasks, func(n int) bool { return n != 1 }) {
						t.Fatalf("phase %d: tasks ran %v times", phase, c.tasks)
					}
				}
			})
		}
	}
}

// TestBothWork: tasks that wait for each other are done at the same time.
func TestBothWork(t *testing.T) {
	p := New(2)
	defer p.Close()
	for range 100 {
		p.Run(2, meeting{make(chan struct{})})
	}
}

type meeting struct{ met chan struct{} }

func (m meeting) Do(_, i int) {
	if i == 0 {
		m.met <- struct{}{}
	} else {
		<-m.met
	}
}

// TestShares: a thread does neighbours.
func TestShares(t *testing.T) {
	p := New(2)
	defer p.Close()
	for range 100 {
		m := &neighbours{meeting{make(chan struct{})}, [4]int{}}
		p.Run(4, m)
		if d := m.doneBy; d[0] != d[1] || d[2] != d[3] || d[0] == d[2] {
			t.Fatalf("tasks were done by threads %v", d)
		}
	}
}

// neighbours are two tasks that wait for the two after the next.
type neighbours struct {
	meeting
	doneBy [4]int
}

func (n *neighbours) Do(thread, i int) {
	n.doneBy[i] = thread
	n.meeting.Do(thread, i/2)
}

func TestClose(t *testing.T) {
	p := New(3)
	p.Close()
	p.Close()
	p = New(0)
	defer p.Close()
	if p.Threads() < 1 {
		t.Error("no thread")
	}
}

// BenchmarkRun is what a phase of empty tasks costs.
func BenchmarkRun(b *testing.B) {
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			p := New(threads)
			defer p.Close()
			for b.Loop() {
				p.Run(8, empty{})
			}
		})
	}
}

type empty struct{}

func (empty) Do(int, int) {}
