package oitest

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
)

// NameServer resolves every name to addr. It answers over one connection, as
// the resolver of package net asks.
func NameServer(addr netip.Addr) *net.Resolver {
	dial := func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			for {
				var size [2]byte // a pipe is no packet connection: TCP's framing
				if _, err := server.Read(size[:]); err != nil {
					return
				}
				query := make([]byte, binary.BigEndian.Uint16(size[:]))
				if _, err := server.Read(query); err != nil {
					return
				}
				answer := nameAnswer(query, addr)
				if _, err := server.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
					return
				}
			}
		}()
		return client, nil
	}
	return &net.Resolver{PreferGo: true, Dial: dial}
}

// nameAnswer makes an answer of a query for one name (RFC 1035, section 4).
func nameAnswer(query []byte, addr netip.Addr) []byte {
	const headerSize, typeA = 12, 1
	end := headerSize
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5 // the root, type and class
	isA := binary.BigEndian.Uint16(query[end-4:]) == typeA
	answer := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, query[headerSize:end]...)
	if isA {
		answer[7] = 1
		answer = append(answer, 0xc0, headerSize, 0, typeA, 0, 1, 0, 0, 0, 60, 0, 4)
		answer = append(answer, addr.AsSlice()...)
	}
	return answer
}
