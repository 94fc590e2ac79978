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
		var table slotTable
		model := map[poller.Token]source{}
		var live, stale []poller.Token
		add := func(i int) {
			token := table.token(table.add(numbered(i)))
			if _, known := model[token]; known {
				t.Fatalf("token %#x is given out twice", token)
			}
			model[token] = numbered(i)
			live = append(live, token)
		}
		remove := func(k int) {
			table.remove(uint32(live[k]))
			delete(model, live[k])
			stale = append(stale, live[k])
			live = append(live[:k], live[k+1:]...)
		}
		for i, b := range script {
			switch {
			case len(live) == 0 || b < 110:
				add(i)
			case b < 115:
				for range slotChunk / 4 {
					add(i)
				}
			case b < 130:
				token := live[int(b)%len(live)]
				table.replace(uint32(token), numbered(-i))
				model[token] = numbered(-i)
			case b < 135:
				clear(model)
				stale = append(stale, live...)
				live = nil
				table.all(func(s source) {
					for slot := range uint32(len(table.chunks) * slotChunk) {
						if table.at(slot).source == s {
							table.remove(slot)
							return
						}
					}
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
		for _, token := range stale {
			if _, lives := model[token]; !lives && table.get(token) != nil {
				t.Errorf("stale token %#x reaches somebody", token)
			}
		}
	})
}
