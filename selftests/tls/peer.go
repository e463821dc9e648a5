// SPDX-License-Identifier: GPL-2.0-only

// A TLS peer with Go's crypto/tls.
//
// usage: peer server|client ADDRESS FOLDER VERSION CIPHER
//
// FOLDER has tls.crt, tls.key and ca.crt; VERSION is 1.2 or 1.3; CIPHER is one of Go's names, or
// "-": Go chooses those of TLS 1.3 itself. The server wants a certificate and answers every
// request with "go"; the client asks for /one and prints the status and the answer.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
)

func config(folder, version, cipher string) *tls.Config {
	pair, err := tls.LoadX509KeyPair(folder+"/tls.crt", folder+"/tls.key")
	if err != nil {
		log.Fatal(err)
	}
	pem, err := os.ReadFile(folder + "/ca.crt")
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c := &tls.Config{
		Certificates: []tls.Certificate{pair}, RootCAs: roots, ClientCAs: roots,
		ClientAuth: tls.RequireAndVerifyClientCert,
		MinVersion: tls.VersionTLS13, MaxVersion: tls.VersionTLS13,
		// The name is a SPIFFE identity: it is checked below.
		InsecureSkipVerify: true,
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			leaf, err := x509.ParseCertificate(raw[0])
			if err != nil {
				return err
			}
			_, err = leaf.Verify(x509.VerifyOptions{Roots: roots,
				KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
			return err
		},
	}
	if version == "1.2" {
		c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	}
	for _, s := range tls.CipherSuites() {
		if s.Name == cipher {
			c.CipherSuites = []uint16{s.ID}
		}
	}
	return c
}

func main() {
	if len(os.Args) != 6 {
		log.Fatal("usage: peer server|client ADDRESS FOLDER VERSION CIPHER")
	}
	address, c := os.Args[2], config(os.Args[3], os.Args[4], os.Args[5])
	if os.Args[1] == "client" {
		client := http.Client{Transport: &http.Transport{TLSClientConfig: c}}
		answer, err := client.Get("https://" + address + "/one")
		if err != nil {
			log.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		fmt.Printf("%d %s\n", answer.StatusCode, body)
		return
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "go") })
	// HTTP/1.1 only, as the Service says.
	server := http.Server{Addr: address, TLSConfig: c,
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}}
	log.Fatal(server.ListenAndServeTLS("", ""))
}
