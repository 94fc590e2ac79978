package main

import (
	"fmt"
	"reflect"
	"testing"
)

func TestFailuresCountAllAndKeepTheFirstCauses(t *testing.T) {
	var f failures
	for i := range 10 {
		f.add(i, "refused")
	}
	for i := range 10 {
		f.add(100+i, fmt.Sprintf("broken in way %d", i))
	}
	if f.total != 20 {
		t.Errorf("total is %d, want 20", f.total)
	}
	if len(f.causes) != maxCauses {
		t.Fatalf("%d causes are kept, want %d", len(f.causes), maxCauses)
	}
	if want := (cause{"refused", 0, 10}); f.causes[0] != want {
		t.Errorf("first cause is %+v, want %+v", f.causes[0], want)
	}
}

func TestFailuresOfTwoWorkersAddUp(t *testing.T) {
	var even, odd, sum failures
	even.add(4, "refused")
	even.add(6, "reset")
	odd.add(3, "refused")
	odd.add(5, "refused")
	sum.merge(&even)
	sum.merge(&odd)
	want := failures{total: 4, causes: []cause{{"refused", 3, 3}, {"reset", 6, 1}}}
	if !reflect.DeepEqual(sum, want) {
		t.Errorf("sum is %+v, want %+v", sum, want)
	}
}
