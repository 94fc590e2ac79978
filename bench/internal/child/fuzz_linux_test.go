package child

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// message is what a child may say.
type message struct {
	Text  string
	Count int64
	Parts []byte
}

// A request comes apart as it was put together, a reply is decoded as what it was, and a
// failure as one, whatever it says.
func FuzzConversation(f *testing.F) {
	f.Add("say", "something", int64(1), []byte{1}, "broken")
	f.Add("quit", "", int64(-1<<63), []byte(nil), "")
	f.Add("x", "{\n \"err\":\"a\"}", int64(0), []byte{}, "{\"err\":null}\n")
	f.Fuzz(func(t *testing.T, op, text string, count int64, parts []byte, failed string) {
		sent, err := json.Marshal(message{text, count, parts})
		if err != nil {
			t.Fatal(err)
		}
		if op != "" && !strings.ContainsAny(op, " \n") && strings.TrimSpace(op) == op {
			if got, arg := splitRequest(fmt.Appendf(nil, "%s %s\n", op, sent)); got != op || string(arg) != string(sent) {
				t.Errorf("%q with %q came apart as %q, %q", op, sent, got, arg)
			}
			if got, arg := splitRequest([]byte(op + "\n")); got != op || len(arg) > 0 {
				t.Errorf("%q came apart as %q, %q", op, got, arg)
			}
		}
		legible := func(s string) string { return string([]rune(s)) } // a byte that is no text is not passed on
		var got message
		if err := parseReply(sent, &got); err != nil || got.Text != legible(text) || got.Count != count || !bytes.Equal(got.Parts, parts) {
			t.Errorf("%s was decoded as %+v, %v", sent, got, err)
		}
		line, err := json.Marshal(failure{&failed})
		if err != nil {
			t.Fatal(err)
		}
		if err := parseReply(line, &got); err == nil || err.Error() != legible(failed) {
			t.Errorf("the failure %q was decoded as %v", failed, err)
		}
		if err := parseReply([]byte(text), &got); err != nil && !json.Valid([]byte(text)) && !strings.Contains(err.Error(), fmt.Sprintf("%q", text)) {
			t.Errorf("%q does not quote %q", err, text)
		}
	})
}
