package loop

// The slot table: a token reaches what it was given out for, or nobody.

import (
	"math/rand/v2"
	"testing"

	"github.com/eddyline/eddyline/poller"
)

type numbered int

func (numbered) ready(poller.Ready) {}

func TestAStaleTokenReachesNobody(t *testing.T) {
	var table slotTable
	var stale []poller.Token
	for i := range 100 {
		slot := table.add(numbered(i))
		if slot != 0 {
			t.Fatalf("slot %d is used while slot 0 is free", slot)
		}
		token := table.token(slot)
		for _, old := range stale {
			if old == token || table.get(old) != nil {
				t.Fatalf("token %#x of a slot that was freed reaches its successor", old)
			}
		}
		if table.get(token) != numbered(i) {
			t.Fatalf("token %#x does not reach what it was given out for", token)
		}
		table.remove(slot)
		if table.get(token) != nil {
			t.Fatalf("token %#x of a free slot reaches somebody", token)
		}
		stale = append(stale, token)
	}
}

// Against a map: tokens are unique as long as they live and reach the right one,
// across several chunks.
func TestSlotTableAgainstAMap(t *testing.T) {
	var table slotTable
	model := make(map[poller.Token]source)
	var stale, live []poller.Token
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 20_000 {
		switch {
		case len(live) < 10 || rng.IntN(5) < 3 && len(live) < 3*slotChunk:
			token := table.token(table.add(numbered(i)))
			if _, known := model[token]; known {
				t.Fatalf("token %#x is given out twice", token)
			}
			model[token] = numbered(i)
			live = append(live, token)
		case rng.IntN(5) == 0:
			token := live[rng.IntN(len(live))]
			table.replace(uint32(token), numbered(-i))
			model[token] = numbered(-i)
		default:
			k := rng.IntN(len(live))
			table.remove(uint32(live[k]))
			delete(model, live[k])
			stale = append(stale, live[k])
			live[k] = live[len(live)-1]
			live = live[:len(live)-1]
		}
		if table.used != len(model) {
			t.Fatalf("%d slots are used, %d sources live", table.used, len(model))
		}
	}
	if len(table.chunks) < 2 {
		t.Fatal("the table did not grow: the test is too small")
	}
	for token, s := range model {
		if table.get(token) != s {
			t.Errorf("token %#x reaches the wrong source", token)
		}
	}
	for _, token := range stale {
		if _, live := model[token]; !live && table.get(token) != nil {
			t.Errorf("stale token %#x reaches somebody", token)
		}
	}
	seen := 0
	table.all(func(source) { seen++ })
	if seen != len(model) {
		t.Errorf("all calls for %d of %d sources", seen, len(model))
	}
}

// all may free what it is at.
func TestAllMayRemove(t *testing.T) {
	var table slotTable
	slots := make(map[numbered]uint32)
	for i := range numbered(2*slotChunk + 10) {
		slots[i] = table.add(i)
	}
	table.all(func(s source) { table.remove(slots[s.(numbered)]) })
	if table.used != 0 {
		t.Errorf("%d slots are left", table.used)
	}
}
