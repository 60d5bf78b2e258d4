// libedit's variadic calls, typed one by one, because Swift imports no variadic C function.
#pragma once
#include <histedit.h>
