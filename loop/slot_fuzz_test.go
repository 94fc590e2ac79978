package loop

import (
	"math/rand/v2"
	"testing"

	"github.com/eddyline/eddyline/poller"
)

// The slot table against a map, by a script: each token reaches its own source as
// long as that lives, and nobody afterwards.
func FuzzSlots(f *testing.F) {
	for seed := range uint64(20) {
		script := make([]byte, 300)
		rng := rand.New(rand.NewPCG(seed, 0))
		for i := range script {
			script[i] = byte(rng.Uint32())
		}
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		script = script[:min(len(script), 1000)] // a step may cost as much as all before it
		var table slotTable
		model := map[poller.Token]source{}
		slots := map[source]uint32{} // all must not search for what it removes
		var live []poller.Token
		stale := map[poller.Token]bool{}
		made := 0
		fresh := func() source { // no two alike, or slots would mix them up
			made++
			return numbered(made)
		}
		add := func() {
			s := fresh()
			slot := table.add(s)
			token := table.token(slot)
			if _, known := model[token]; known || stale[token] {
				t.Fatalf("token %#x is given out twice", token)
			}
			model[token] = s
			slots[s] = slot
			live = append(live, token)
		}
		remove := func(k int) {
			token := live[k]
			table.remove(uint32(token))
			delete(slots, model[token])
			delete(model, token)
			stale[token] = true
			live = append(live[:k], live[k+1:]...)
		}
		for i, b := range script {
			switch {
			case len(live) == 0 || b < 110:
				add()
			case b < 115:
				for range slotChunk / 4 {
					add()
				}
			case b < 130:
				token, s := live[int(b)%len(live)], fresh()
				table.replace(uint32(token), s)
				delete(slots, model[token])
				model[token] = s
				slots[s] = uint32(token)
			case b < 135:
				clear(model)
				for _, token := range live {
					stale[token] = true
				}
				live = nil
				table.all(func(s source) {
					slot, lives := slots[s]
					if !lives {
						t.Fatalf("step %d: all comes to %v, which is gone", i, s)
					}
					delete(slots, s)
					table.remove(slot)
				})
			default:
				remove(int(b) * 7 % len(live))
			}
			if table.used != len(model) {
				t.Fatalf("after step %d, %d slots are used and %d sources live", i, table.used, len(model))
			}
		}
		for token, s := range model {
			if table.get(token) != s {
				t.Errorf("token %#x reaches the wrong source", token)
			}
		}
		for token := range stale {
			if table.get(token) != nil {
				t.Errorf("stale token %#x reaches somebody", token)
			}
		}
	})
}
