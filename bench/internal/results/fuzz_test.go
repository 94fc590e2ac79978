package results

import (
	"bytes"
	"encoding/json"
	"testing"
)

// What is read is what was written. A text that is read at all is a whole document of
// this format: written again, it is read as the same.
func FuzzParse(f *testing.F) {
	text, err := json.Marshal(document())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:len(text)-1])
	f.Add(append(text, '}'))
	f.Add(bytes.Replace(text, []byte(`"format":1`), []byte(`"format":2`), 1))
	f.Add([]byte(`{"format":1,"runs":[{"rows":[{"rounds":[{"requests":-1}]}]}]}`))
	f.Add([]byte(`{"format":1,"Format":2}`))
	f.Add([]byte(`[]`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := parse(text)
		if err != nil {
			if d != nil {
				t.Errorf("%q: %+v with %v", text, d, err)
			}
			return
		}
		if d.Format != Format || !json.Valid(text) {
			t.Fatalf("%q is read as a document of format %d", text, d.Format)
		}
		once, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parse(once)
		if err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		if twice, err := json.Marshal(again); err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%s was written again as %s, %v", once, twice, err)
		}
	})
}
