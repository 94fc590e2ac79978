//go:build unix

package stream_test

// Values that no constructor made, and nil arguments.

import (
	"errors"
	"iter"
	"net"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/eddyline/eddyline/stream"
)

// arguments are what any method would take, by type.
var arguments = map[reflect.Type]any{
	reflect.TypeFor[[]byte]():          []byte{1},
	reflect.TypeFor[[][]byte]():        [][]byte{{1}},
	reflect.TypeFor[*net.Buffers]():    &net.Buffers{{1}},
	reflect.TypeFor[int]():             1,
	reflect.TypeFor[bool]():            true,
	reflect.TypeFor[time.Duration]():   time.Second,
	reflect.TypeFor[stream.Shutdown](): stream.ShutBoth,
}

// Every method of a zero Stream or Listener behaves as after Close.
func TestTheZeroValueIsClosed(t *testing.T) {
	for _, v := range []any{new(stream.Stream), new(stream.Listener)} {
		for m, f := range reflect.ValueOf(v).Methods() {
			if m.Name == "Release" {
				continue // panics, as any Release without Acquire
			}
			t.Run(reflect.TypeOf(v).Elem().Name()+"."+m.Name, func(t *testing.T) {
				for _, out := range f.Call(argumentsOf(t, f.Type())) {
					expectAsClosed(t, out.Interface())
				}
			})
		}
	}
	if fd := new(stream.Stream).FD(); fd >= 0 {
		t.Errorf("the zero Stream has descriptor %d", fd)
	}
}

func argumentsOf(t *testing.T, f reflect.Type) (in []reflect.Value) {
	t.Helper()
	for a := range f.Ins() {
		v, ok := arguments[a]
		if !ok {
			t.Fatalf("no argument of type %v is known", a)
		}
		in = append(in, reflect.ValueOf(v))
	}
	return in
}

// expectAsClosed wants no error but net.ErrClosed, and that in every result which
// can have one.
func expectAsClosed(t *testing.T, result any) {
	t.Helper()
	switch v := result.(type) {
	case error:
		if !errors.Is(v, net.ErrClosed) {
			t.Errorf("error %v, want net.ErrClosed", v)
		}
	case iter.Seq2[byte, error]:
		for _, err := range v {
			expectAsClosed(t, err)
		}
	case iter.Seq2[*stream.Stream, error]:
		for _, err := range v {
			expectAsClosed(t, err)
		}
	case int:
		if v > 0 {
			t.Errorf("a count of %d", v)
		}
	}
}

// A method that can fail does, on the zero value.
func TestTheZeroValueReportsIt(t *testing.T) {
	failure := reflect.TypeFor[error]()
	for _, v := range []any{new(stream.Stream), new(stream.Listener)} {
		for m, f := range reflect.ValueOf(v).Methods() {
			n := f.Type().NumOut()
			if n == 0 || f.Type().Out(n-1) != failure {
				continue
			}
			if f.Call(argumentsOf(t, f.Type()))[n-1].IsNil() {
				t.Errorf("%T.%s succeeds on a zero value", v, m.Name)
			}
		}
	}
}

// Nil arguments are os.ErrInvalid, in an error that names the operation.
func TestNilArguments(t *testing.T) {
	a, _ := pair(t)
	for op, call := range map[string]func() error{
		//lint:ignore SA1012 what is tested
		"Dial": func() error { _, err := stream.Dial(nil, "tcp", "127.0.0.1:1"); return err },
		//lint:ignore SA1012 what is tested
		"Resolve":      func() error { _, err := stream.Resolve(nil, "tcp", "127.0.0.1:1"); return err },
		"FromConn":     func() error { _, err := stream.FromConn(nil); return err },
		"FromTCPConn":  func() error { _, err := stream.FromConn((*net.TCPConn)(nil)); return err },
		"WriteBuffers": func() error { _, err := a.WriteBuffers(nil); return err },
	} {
		var named *net.OpError
		if err := call(); !errors.Is(err, os.ErrInvalid) || !errors.As(err, &named) || named.Op == "" {
			t.Errorf("%s of nil: %v, want os.ErrInvalid in an OpError", op, err)
		}
	}
}
