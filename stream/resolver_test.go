//go:build unix

package stream_test

// A resolver of the test's own, for names that stand for what the test says.

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// naming makes names be looked up in a zone of the test's own, and returns a name
// that stands for addrs.
func naming(t *testing.T, addrs ...netip.Addr) (name string) {
	t.Helper()
	old := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		resolver, server := net.Pipe()
		go func() {
			defer server.Close()
			for answerQuery(server, addrs) == nil {
			}
		}()
		return resolver, nil
	}}
	t.Cleanup(func() { net.DefaultResolver = old })
	return "several.eddyline.invalid."
}

// answerQuery reads one query, framed as over TCP (RFC 1035, 4.2.2), and answers
// with those of addrs that are of the kind in question.
func answerQuery(conn net.Conn, addrs []netip.Addr) error {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return err
	}
	query := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, query); err != nil {
		return err
	}
	answer, err := answerTo(query, addrs)
	if err != nil {
		return err
	}
	_, err = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
	return err
}

func answerTo(query []byte, addrs []netip.Addr) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	for _, q := range m.Questions {
		for _, addr := range addrs {
			if body := record(addr); kind(body) == q.Type {
				header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: body})
			}
		}
	}
	return m.Pack()
}

func record(addr netip.Addr) dnsmessage.ResourceBody {
	if addr.Is4() {
		return &dnsmessage.AResource{A: addr.As4()}
	}
	return &dnsmessage.AAAAResource{AAAA: addr.As16()}
}

func kind(body dnsmessage.ResourceBody) dnsmessage.Type {
	if _, ok := body.(*dnsmessage.AResource); ok {
		return dnsmessage.TypeA
	}
	return dnsmessage.TypeAAAA
}
