package client

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestDueQueueIsAQueue(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var q dueQueue
	var model []int64 // when each message became due
	now := int64(0)
	for range 10_000 {
		switch op := rng.IntN(5); {
		case op < 2:
			now += int64(rng.IntN(2))
			n := 1 + rng.IntN(4)
			q.push(now, n)
			model = append(model, slices.Repeat([]int64{now}, n)...)
		case op < 4 && len(model) > 0:
			limit := 1 + rng.IntN(6)
			r := q.take(limit)
			if r.n < 1 || r.n > limit || r.n > len(model) {
				t.Fatalf("took %d of %d, at most %d", r.n, len(model), limit)
			}
			for _, at := range model[:r.n] {
				if at != r.at {
					t.Fatalf("took a message of %d as one of %d", at, r.at)
				}
			}
			model = model[r.n:]
		case len(model) > 0:
			n := rng.IntN(len(model) + 1)
			q.drop(n)
			model = model[:len(model)-n]
		}
		if q.n != len(model) {
			t.Fatalf("%d messages, want %d", q.n, len(model))
		}
		if len(model) > 0 && q.at(0).at != model[0] {
			t.Fatalf("the oldest is of %d, want %d", q.at(0).at, model[0])
		}
	}
}
