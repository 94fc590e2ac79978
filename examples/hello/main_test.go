package main

import (
	"os"
	"strings"
	"testing"
)

func TestTheREADMEShowsThisProgram(t *testing.T) {
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, program, found := strings.Cut(string(source), "package main")
	if !found {
		t.Fatal("main.go has no package clause")
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "package main"+program) {
		t.Error("the server in README.md is not the one in main.go")
	}
}
