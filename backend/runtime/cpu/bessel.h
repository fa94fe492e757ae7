// Functions of libdevice that libm lacks, in double precision.
#pragma once

namespace tuned::cpu {

double besselI0(double x);
double besselI1(double x);
double inverseErf(double x);
double inverseErfc(double y);
double normalCdf(double x);
double inverseNormalCdf(double x);

} // namespace tuned::cpu
