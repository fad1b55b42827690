/* Wine 8 has no bcryptprimitives.dll, which Rust's standard library imports on Windows. This stands
 * in for it in the prefix that the continuous integration makes, and nowhere else. */
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T len)
{
    return RtlGenRandom(data, (ULONG)len);
}
