// A key that was made for these tests, and what OpenSSL's command line signs with it.
#pragma once

namespace ferry::vfs::gcs {

inline constexpr const char* test_key =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCawOczx9tHiiIO\n"
    "VKFLegfADjWh9nbukNEcYs1Bn4tGB2YBPz1Qn++GwZwKO42ZcXOawFjYyebPuq6G\n"
    "5aYQJ33HNbpXwpTcDmpifNm1yRoEMt1ID4O2w7dk8acbqSVqe2Q+zP6v55i4duCz\n"
    "OP1UG6MPWXEVAmL7pxMkuLmBYz8Qlp/7ArdTmyk4oN1izLEmps+nqDNVnDuBRVrc\n"
    "w2QRBfAMhRKUnzf3Yayye44vSTyZ+W06XrO77W+wqfw3ple2EGHOF7/HhtyJ7qGB\n"
    "PWF/U/ml5fekxEPfW7wM/8yFgfmNKFvjAzcA4DvFQvMdPmk4T2vZPVafBHMZLI9G\n"
    "0K5g7p3vAgMBAAECggEAFrcobiwww/GtlGSYH8qZTE0pp+JUIdTlr6DRwodckQUb\n"
    "/s8yvQdvnYcE1GcFHsK4S+ezrZqxWR5CE7CuQrfGmXu0TxZ+SvDeF80owytyOK84\n"
    "q6UEr0qk5wR7rtk8vJfBJrYTemw95Bx7A4O4LQ+OIf4ogFjPK7j3W+Vg7Bz5JazO\n"
    "ooFpDpnH1GQAT2seExdtlF1d2lgM3ZPA03IuS2qbLx1QCBnUqgs4EJ3M+qH9K2dh\n"
    "LJiqzQnsiN2gN9OuR938m8FUDaBZj0y5eqC7x8IAEIdcgiXW6nPGV3hznUDwTXs9\n"
    "T/YOatEY8w1ya/6MJ0U2e4bzPYKZi+bUnk6bb+hLAQKBgQDNTZ5OxuKSD3/XBT+x\n"
    "jBCfAh8CXhC7BkRi1aj9lKNkf7Wsf+zPWLLeoGO0KDyLdI+3aLjZKzarPzWy0k3K\n"
    "akViZVPzZmbIE8gzZ9P8Xsb0kfUxFX8RzF/elUdIW1bjug+YN01J9DJKblfUoRKS\n"
    "3Ujs2icjxOgU71HQbqJRWPA+7wKBgQDA98DA9BOIiHF5u9H2e9mg3D359sDrVPax\n"
    "5Et7zuEe9akIu9k8qAAB9FzUwFa3t7ffAW7xezkz3PBjWRSi0/0oLSSd5PiXk+hg\n"
    "pGGS2cdKdU5Inp2w6loCangeP/LUwbfawERpoY7jgHv1U8MgEgLKUsO3rAcu9E5g\n"
    "jjrngTeRAQKBgGZQmWWfHok2Kjrphb2hFSN5diTC5kmerPQokQiXS/qo3sxyEH2h\n"
    "MbtbaXT+XHYPiBQan4yzSZJ8dPGCd3w6DAwmfXke/ngVy786rl3mifaWywBEO0iO\n"
    "dvTBpn2774icUGtGnEEP7wRDC4iPIWeJ2m8XpUvhNNxCDJ74k/JAhbKHAoGBALYp\n"
    "a8n633G1NEIx3uxrUC99mfgdS1Mc2uFl3SgcTQI38AExq8qJ4a/2qaehhntaMHaR\n"
    "2NSXeZGPEVMH5eYsbsB9lSKE43PcCbMpmn7RnUOZ53PAYKaBJMVBEvGjdq4HzXLw\n"
    "q+R3wfbb9KjMENh2iDHM3bvG5uUZdd/KhKrEndsBAoGAFDyHjjOR6alQohP4SfNe\n"
    "y0QYEK5zUJsUXt+vuMJv49wGMarMuzsGEsJKQ/987dXx3Az+0DhZvUhGxBF+r9qI\n"
    "x6xgaesu+/oFEjkjI1nPPbB2cPZU5CQRU2Rre1Je7N9Co20xPwQnb2PM3GGP3D8v\n"
    "UUCHMYTWMwbFubWFrYjibw0=\n"
    "-----END PRIVATE KEY-----\n";
// Too short: 1024 bits.
inline constexpr const char* short_key =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAK65QqWfM1SEcDKu\n"
    "Z0WnE27dKJ63gs7DHWXoGS4uF2CuupEqRLmYeo1KLEQfSGi7z8yQ0jfg8uEY1XbM\n"
    "Ckf+VbzE14Tedm6kZqkZNxQfBVcunWQPlytC7MnPQXmtU5ZjJYgBRByzva5aCrwj\n"
    "FVu+fe4VkUGOAtEAdkV+nNUHtmw/AgMBAAECgYBW9/X5lIWrQwTJ5U+YNvKQU1r9\n"
    "raBZpHsEl4O5Hc4bHL3WtfBhZUlS/KGOAvg60Yk8bLWGhNzAOGlAaY2QikNIEIHa\n"
    "6XOh6OAN+9vAOENz9UUEwygCg60tpEF/isOzmaCeLpfaliOTLzvhp7SMGfgKKtw4\n"
    "7JXJS8SFTGfOe7osyQJBAOVeKZdPmOMm7cUa7/E/XlG3z7WlP1IgmGMTWZzhnT0N\n"
    "yY1LEtcqsoB7K38W5CF6FKmwpVidthmlZ6HwRELH0SMCQQDDAtRRi67ZjbcrggsM\n"
    "4tuX1lDB99dl1Tcl4x5T7PuwWhcHRiIKWz0u+YaNO+yUT5IcLk3dzxjdXmJA3WsY\n"
    "mWA1AkEAuFCKq4TTHvZRa2rSFdMOQCytRRKdZ6m5yyPphx/l8wH5TQlfAnjVKFnS\n"
    "Ajaq7BvmLtY8iJFzm/hG5uLkd6WKcQJAKlk68lp7JhN4a6JZ8/pv5ZFNCFJiHGMp\n"
    "Drk7pM4Z+joWNiYszkLyDnlxlsoknjCJckU786c9pxUQETYEQ9tK4QJAFx+KUDwI\n"
    "QfQ9xtautlNA9dMDyWyQN1jY9iWkJSlZbZCPdXgZJEHjBRZc0MYiwKXV86faBBRd\n"
    "CAvgaaMFUTeYzw==\n"
    "-----END PRIVATE KEY-----\n";
// {"alg":"RS256","kid":"k1","typ":"JWT"} and claims of ferry@project.iam.gserviceaccount.com at 1700000000, signed by
// `openssl dgst -sha256 -sign`.
inline constexpr const char* known_assertion =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsxIiwidHlwIjoiSldUIn0.eyJhdWQiOiJodHRwczovL29hdXRoMi5nb29nbGVhcGlzLmNv"
    "bS90b2tlbiIsImV4cCI6MTcwMDAwMzYwMCwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJmZXJyeUBwcm9qZWN0LmlhbS5nc2Vydmlj"
    "ZWFjY291bnQuY29tIiwic2NvcGUiOiJodHRwczovL3d3dy5nb29nbGVhcGlzLmNvbS9hdXRoL2RldnN0b3JhZ2UuZnVsbF9jb250"
    "cm9sIn0.Iyc797ca7YgA3wMIETOUN6d2eZX-P7j1pkDQ0mb4rJvFxcK_R2u2UBkKXJdBiXeK3J3fC5VBvnxb-gOwxOYURK5_f6ve"
    "0zAz7SGMN8YVzF-FhVtNorq9IK6yx4Ndbhcz4lG1sawj6Prx0phh8kzofefBwHdqV5m8BhntGFSj81Ea6UwejT1c-w94E0_z3rEh"
    "JTIYdrpTXCCoF6YqeO_jvsoOrvJ__aFG3Jwyr89IMog6dTaAYSdvzV0Pgu3l9-M88hH1vbSEYGQDuj_C08QeKkOLfXymLvB4iGUa"
    "KajuBbQZL0ajTq860FSoPnKgKfjlzJped_gPPzAc2YjlbWGaLA";

}  // namespace ferry::vfs::gcs
